"""Labels of a query and a gallery set, and checks of labels and features.

Every error names the argument, its value or rows, and the fix. Letters: Q queries, G gallery
images.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.protocols import Protocol

Array = Tensor | np.ndarray | Sequence
CHECKED = 4096  # rows looked at at a time


class RetrievalLabels:
    """Identity, camera and, for errors, name of each query and gallery image.

    Integers of any kind and container are taken: lists, arrays, tensors. Cameras may be left out;
    a protocol that compares them then raises.

    Args:
        query_pids: (Q,) identities. Only -1 is special, no identity; 0 is one like others.
        gallery_pids: (G,) likewise, the same number for the same person.
        query_camids: (Q,) cameras, in any numbering that both sets share.
        gallery_camids: (G,) likewise.
        query_names: (Q,) of the images, such as paths.
        gallery_names: (G,) likewise.

    Attributes:
        query_pids, gallery_pids, query_camids, gallery_camids: int64 tensors; cameras may be None.
        query_names, gallery_names: lists of str, or None.

    Raises:
        TypeError: identities or cameras that are strings, floats or anything else but integers.
        ValueError: other shapes, numbers that do not fit, or the cameras of one set alone.
    """

    def __init__(
        self,
        query_pids: Array,
        gallery_pids: Array,
        query_camids: Array | None = None,
        gallery_camids: Array | None = None,
        query_names: Sequence[str] | None = None,
        gallery_names: Sequence[str] | None = None,
    ):
        if (query_camids is None) != (gallery_camids is None):
            given = 'gallery_camids' if query_camids is None else 'query_camids'
            raise ValueError(
                f'{given} is given alone: give the cameras of both sets, or of neither'
            )
        self.query_pids = as_integers(query_pids, 'query_pids')
        device = self.query_pids.device
        self.gallery_pids = as_integers(gallery_pids, 'gallery_pids').to(device)
        self.query_camids = self.gallery_camids = None
        if query_camids is not None and gallery_camids is not None:
            self.query_camids = as_integers(query_camids, 'query_camids').to(device)
            self.gallery_camids = as_integers(gallery_camids, 'gallery_camids').to(device)
        self.query_names, self.gallery_names = (
            None if names is None else [str(name) for name in names]
            for names in (query_names, gallery_names)
        )
        for side, count in (('query', self.num_query), ('gallery', self.num_gallery)):
            for name in (f'{side}_camids', f'{side}_names'):
                values = getattr(self, name)
                if values is not None and len(values) != count:
                    raise ValueError(
                        f'{name} has {len(values)} values, but {side}_pids has {count}: '
                        f'give one an image'
                    )

    @classmethod
    def of_one_set(
        cls, pids: Array, camids: Array | None = None, names: Sequence[str] | None = None
    ) -> 'RetrievalLabels':
        """Labels of one set (N,) that is both query and gallery, for the protocol 'all-vs-all'."""
        return cls(pids, pids, camids, camids, names, names)

    @classmethod
    def of_split(
        cls,
        num_query: int,
        pids: Array,
        camids: Array | None = None,
        names: Sequence[str] | None = None,
    ) -> 'RetrievalLabels':
        """Labels of one list (N,) whose first `num_query` images are the queries."""
        return cls(*_cut(pids, num_query), *_cut(camids, num_query), *_cut(names, num_query))

    def __repr__(self) -> str:
        cameras = 'no cameras' if self.query_camids is None else 'cameras'
        return f'RetrievalLabels({self.num_query} queries, {self.num_gallery} gallery, {cameras})'

    @property
    def num_query(self) -> int:
        """Number of query images Q."""
        return len(self.query_pids)

    @property
    def num_gallery(self) -> int:
        """Number of gallery images G."""
        return len(self.gallery_pids)

    def cameras(self) -> tuple[Tensor, Tensor]:
        """Cameras of the queries (Q,) and of the gallery (G,).

        Raises:
            ValueError: they were left out.
        """
        if self.query_camids is None or self.gallery_camids is None:
            raise ValueError('no cameras: give RetrievalLabels query_camids and gallery_camids')
        return self.query_camids, self.gallery_camids

    def to(self, device: torch.device | str) -> 'RetrievalLabels':
        """The labels on a device."""
        numbers = (self.query_pids, self.gallery_pids, self.query_camids, self.gallery_camids)
        moved: list[Any] = [None if each is None else each.to(device) for each in numbers]
        return RetrievalLabels(*moved + [self.query_names, self.gallery_names])

    def with_gallery(self, seen: Tensor) -> 'RetrievalLabels':
        """Labels with the gallery restricted to `seen` (G,) bool, without names."""
        camids = None if self.gallery_camids is None else self.gallery_camids[seen]
        return RetrievalLabels(self.query_pids, self.gallery_pids[seen], self.query_camids, camids)


def _cut(values: Any, first: int) -> tuple[Any, Any]:
    return (None, None) if values is None else (values[:first], values[first:])


def as_integers(values: Array, name: str) -> Tensor:
    """Integers (N,) of any container as int64.

    Raises:
        TypeError: something else than integers among them, or integers beyond int64.
        ValueError: not one-dimensional.
    """
    if isinstance(values, Tensor):
        kind = 'f' if values.is_floating_point() else 'i'
        kind = 'b' if values.dtype == torch.bool else 'c' if values.is_complex() else kind
        numbers, shape = values.detach(), tuple(values.shape)
    else:
        try:
            numbers = np.asarray(values)
        except ValueError as error:
            raise ValueError(
                f'{name} holds lists of several lengths: give one integer an image'
            ) from error
        kind, shape = numbers.dtype.kind, numbers.shape
    if not shape:
        raise ValueError(f'{name} is {values!r}: give one integer an image')
    if len(shape) != 1:
        raise ValueError(f'{name} has shape {shape}: give one integer an image')
    if not shape[0]:
        return torch.empty(0, dtype=torch.int64)
    if kind == 'u' and int(numbers.max()) > np.iinfo(np.int64).max:
        kind = 'O'
    if kind == 'O' and all(map(_is_int64, numbers)):
        kind = 'i'
    if kind not in 'iu':
        raise TypeError(_not_integers(numbers, kind, name))
    if isinstance(numbers, np.ndarray):
        numbers = torch.from_numpy(numbers.astype(np.int64))
    return numbers.to(torch.int64)


def _not_integers(values: Tensor | np.ndarray, kind: str, name: str) -> str:
    """Error text for values (N,) that are no integers, with one of them and the fix."""
    fix = 'give whole numbers'
    if kind in 'US' or (kind == 'O' and isinstance(values[0], str)):
        fix = (
            'number the names over both sets at once, such as '
            'np.unique([*query_pids, *gallery_pids], return_inverse=True)[1]'
        )
    row = 0
    if kind == 'O':
        row = next(row for row, value in enumerate(values) if not _is_int64(value))
    if kind == 'f':
        odd = (values % 1 != 0).nonzero()  # NaN and Inf too
        odd = odd.flatten() if isinstance(values, Tensor) else odd[0]
        row = int(odd[0]) if len(odd) else 0
        fix = 'give whole numbers: convert with .astype(np.int64) or .long() if they are whole'
    value = values[row].item() if hasattr(values[row], 'item') else values[row]
    return f'{name} holds {value!r} in row {row} ({values.dtype}), which is no integer; {fix}'


def _is_int64(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63


def as_matrix(values: Array, what: str) -> Tensor:
    """Floating-point matrix of features or distances, half precision as float32.

    Args:
        what: 'query', 'gallery' or the like, for errors.

    Raises:
        TypeError: values that are no real numbers.
        ValueError: no matrix.
    """
    if isinstance(values, list | tuple) and values and isinstance(values[0], Tensor):
        values = torch.stack(list(values))
    try:
        matrix = torch.as_tensor(values).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f'{what} values are no matrix of numbers ({error}); give a float tensor or array'
        ) from error
    if matrix.is_complex():
        raise TypeError(f'{what} values are complex ({matrix.dtype}); give real numbers')
    if matrix.ndim != 2:
        raise ValueError(f'{what} values have shape {tuple(matrix.shape)}; give a matrix')
    if matrix.dtype in (torch.float16, torch.bfloat16):
        return matrix.float()
    return matrix if matrix.is_floating_point() else matrix.double()


def fitted_labels(
    labels: RetrievalLabels,
    num_query: int,
    num_gallery: int,
    device: torch.device,
    protocol: Protocol,
) -> RetrievalLabels:
    """Labels on the features' device, checked against the features and the protocol.

    Raises:
        TypeError: anything but RetrievalLabels.
        ValueError: numbers that do not fit, no cameras where the protocol compares them, or two
            sets where it compares one with itself.
    """
    if not isinstance(labels, RetrievalLabels):
        raise TypeError(
            f'labels is a {type(labels).__name__}: give RetrievalLabels(query_pids, gallery_pids, '
            f'query_camids, gallery_camids)'
        )
    for name, count in (('query_pids', num_query), ('gallery_pids', num_gallery)):
        values = getattr(labels, name)
        if len(values) != count:
            raise ValueError(
                f'{name} has shape {tuple(values.shape)}, but there are {count} rows of features'
            )
    check_protocol(labels, protocol)
    return labels.to(device)


def check_protocol(labels: RetrievalLabels, protocol: Protocol) -> None:
    """Raises ValueError where labels lack a protocol's fields; see `fitted_labels`."""
    num_query, num_gallery = labels.num_query, labels.num_gallery
    if num_query == 0 or num_gallery == 0:
        raise ValueError(
            f'{num_query} queries and {num_gallery} gallery images: neither may be '
            f'empty; check the folders and num_query'
        )
    if protocol.same_camera_is_junk and labels.query_camids is None:
        raise ValueError(
            f"protocol '{protocol.name}' leaves out the images of a query's own camera, but "
            f'query_camids and gallery_camids are not given: give them, or use '
            f"protocol='no-camera'"
        )
    if protocol.one_set and not torch.equal(labels.query_pids, labels.gallery_pids):
        raise ValueError(
            f"protocol '{protocol.name}' compares one set with itself, but the {num_query} queries "
            f'and the {num_gallery} gallery images differ: give the set twice, or use no-camera'
        )


def check_finite(
    matrix: Tensor,
    what: str,
    names: Sequence[str] | None = None,
    numbers: Tensor | None = None,
) -> None:
    """Raises ValueError that names the rows with NaN or infinite values."""
    finite = torch.cat([torch.isfinite(part).all(dim=1) for part in matrix.split(CHECKED)])
    bad = (~finite).nonzero().flatten()
    bad = (bad if numbers is None else numbers[bad]).tolist()
    if not bad:
        return
    shown = ', '.join(f'{row} ({names[row]})' if names else str(row) for row in bad[:5])
    raise ValueError(
        f'NaN or Inf in {len(bad)} of {len(finite)} {what} rows: {shown}'
        f'{", ..." if len(bad) > 5 else ""}; if in all of them, training has diverged: go back to '
        f'an earlier checkpoint; if in a few, look at these images'
    )
