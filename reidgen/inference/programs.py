"""Programs of other runtimes, with preprocessing inside: ONNX and torch.export."""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as vision

from reidgen.evaluation.neighbours import nearest_neighbours
from reidgen.files import written_whole

from .images import to_uint8
from .model import Model

SIDES = dict(min=8, max=8192)  # of an image, pixels
BATCH = dict(min=1, max=65536)
OPSET = 18  # the first whose Resize has antialias
CLOSE = 1e-4  # what a feature may differ from torch's, of images that need no resizing
CLOSE_RESIZED = 1e-2  # of others: pixels at a half are rounded either way
NUM_CHECKED = 16
TOP = 10  # nearest images whose order is compared
MODES = ('bicubic', 'bilinear')


class Program(nn.Module):
    """Images as they are to features: resizing, normalising, encoder, L2 norm.

    The resizing is that of loaders, which is on uint8: rows, rounded, then columns, rounded. Their
    weights are rounded too, so that some pixel in 300 differs by 1 of 255.

    Args:
        model: a model with features, whose test transforms are one Resize.
        camera: whose batch-norm statistics it has, where the model has them by camera.

    Raises:
        ValueError: other transforms, no features, or not a camera of the model's.
    """

    def __init__(self, model: Model, camera: str | None = None):
        super().__init__()
        model.use_camera(camera)
        transforms = model.info.transforms
        mode = transforms[0].get('mode', 'bicubic') if transforms else 'bicubic'
        if (
            not model.info.dims
            or [t['type'] for t in transforms] != ['Resize']
            or (mode not in MODES)
        ):
            raise ValueError(
                f'{model.info.name} is no model of features whose test transforms are one Resize '
                f'({" or ".join(MODES)}): {transforms}'
            )
        self.size, self.mode = tuple(model.info.input_size), mode
        self.network = model.extractor.model

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D) float32, L2-normalised, of images (N, H, W, 3) uint8 RGB."""
        img = images.permute(0, 3, 1, 2).float()
        for size in ((images.shape[1], self.size[1]), self.size):
            img = nnf.interpolate(img, size, mode=self.mode, antialias=True)
            img = img.round().clamp(0, 255)
        normalizer = self.network.data_preprocessor
        return self.network.embed(img * normalizer.scale - normalizer.shift)


class Parity(NamedTuple):
    """Agreement of a program with torch on some images."""

    num_images: int
    exact_error: float  # largest difference of a feature from torch, images of the model's size
    error: float  # of images as they are, which are resized
    embed_error: float  # from `Model.embed`, whose resizing has rounded weights
    same_ranking: int  # images whose TOP nearest are torch's, in order
    same_as_embed: int  # those of `Model.embed`

    def __str__(self) -> str:
        return (
            f'{self.num_images} images: features differ from torch by {self.exact_error:.1e} at '
            f"most at the model's size and by {self.error:.1e} resized; the {TOP} nearest are "
            f'equal for {self.same_ranking}. From Model.embed, whose resizing has rounded weights, '
            f'by {self.embed_error:.1e}; equal for {self.same_as_embed}'
        )


def export_torch(
    model: Model, out: str | Path, images: Sequence[Path] = (), camera: str | None = None
) -> Parity:
    """Writes a torch.export program (.pt2); loaded by `torch.export.load(out).module()`.

    Args:
        images: files to compare on; none: generated ones.
        camera: as of `Program`.
    """
    program = Program(model, camera).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch's, of itself
        exported = torch.export.export(program, (_example(),), dynamic_shapes=_shapes())
    with unchecked(out) as path:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with written_whole(path) as part, open(part, 'wb') as file:
                torch.export.save(exported, file)
            again = torch.export.load(str(path)).module()
        return compare(program, model, lambda x: again(x), out, images, camera)


def export_onnx(
    model: Model, out: str | Path, images: Sequence[Path] = (), camera: str | None = None
) -> Parity:
    """Writes an ONNX program with input `images` (N, H, W, 3) uint8 and output `features` (N, D).

    Args:
        images: files to compare on, by onnxruntime; none: generated ones.
        camera: as of `Program`.

    Raises:
        ImportError: onnx, onnxscript or onnxruntime is not installed.
        RuntimeError: onnxruntime gives other features.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # what torch writes ONNX with
    except ImportError as error:
        raise ImportError(f"{error}: ONNX needs pip install 'reidgen[onnx]'") from error
    program = Program(model, camera).eval()
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with unchecked(out) as path:
        with torch.no_grad(), warnings.catch_warnings(), written_whole(path) as part:
            warnings.simplefilter('ignore')
            torch.onnx.export(
                program,
                (_example(),),
                str(part),
                input_names=['images'],
                output_names=['features'],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=_shapes(),
                external_data=False,
                verbose=False,
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        providers = ['CPUExecutionProvider']
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)

        def run(x: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {'images': x.numpy()})[0])

        return compare(program, model, run, out, images, camera)


@contextlib.contextmanager
def unchecked(out: str | Path) -> Iterator[Path]:
    """Context with the path of a file beside `out`, renamed to it at the end; removed by an error,
    which leaves an older `out` as it was."""
    path = Path(out).with_stem(f'{Path(out).stem}.unchecked')
    try:
        yield path
        os.replace(path, out)
    finally:
        path.unlink(missing_ok=True)


def compare(
    program: Program,
    model: Model,
    run: Callable[[Tensor], Tensor],
    out: str | Path,
    images: Sequence[Path] = (),
    camera: str | None = None,
) -> Parity:
    """Agreement of a written program with torch.

    Args:
        out: what the program is called in the error.

    Raises:
        RuntimeError: a feature differs by more than CLOSE, resized by more than CLOSE_RESIZED.
    """
    pictures = [to_uint8(path, n) for n, path in enumerate(images)] or _generated()
    inputs = [picture.permute(1, 2, 0)[None].contiguous() for picture in pictures]
    resized = [vision.resize(picture, list(program.size)) for picture in pictures]
    batch = torch.stack(resized[:NUM_CHECKED]).permute(0, 2, 3, 1).contiguous()
    with torch.no_grad():
        exact_error = float((run(batch) - program(batch)).abs().max())
        found, expected = (torch.cat([each(x) for x in inputs]) for each in (run, program))
    embedded = model.embed(pictures, camera=camera)
    parity = Parity(
        num_images=len(inputs),
        exact_error=exact_error,
        error=float((found - expected).abs().max()),
        embed_error=float((found - embedded).abs().max()),
        same_ranking=same_rankings(found, expected),
        same_as_embed=same_rankings(found, embedded),
    )
    if not (parity.exact_error <= CLOSE and parity.error <= CLOSE_RESIZED):  # NaN is not
        raise RuntimeError(
            f'{out} gives other features than torch, a fault of the exporter or of reidgen; please '
            f'report it. {parity}'
        )
    return parity


def same_rankings(one: Tensor, other: Tensor) -> int:
    """Rows whose TOP nearest are the same in both, in order."""
    lists = [nearest_neighbours(x, x, min(TOP, len(x))).index for x in (one, other)]
    return int((lists[0] == lists[1]).all(dim=1).sum())


def _example() -> Tensor:
    return torch.zeros(2, 96, 40, 3, dtype=torch.uint8)


def _shapes() -> tuple:
    dim = torch.export.Dim
    return ({0: dim('batch', **BATCH), 1: dim('height', **SIDES), 2: dim('width', **SIDES)},)


def _generated() -> list[Tensor]:
    """Images (3, H, W) of coarse and fine noise in several sizes."""
    rng = torch.Generator().manual_seed(0)
    found = []
    for number in range(NUM_CHECKED):
        coarse = torch.rand(1, 3, 8, 4, generator=rng)
        size = 60 + 20 * number, 30 + 9 * number
        img = nnf.interpolate(coarse, size, mode='bicubic')[0].clamp(0, 1)
        img = img + 0.1 * torch.randn(3, *size, generator=rng)
        found.append(img.clamp(0, 1).mul(255).to(torch.uint8))
    return found
