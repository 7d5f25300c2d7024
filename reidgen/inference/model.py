"""Model: a trained model from one file, for images of any kind."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from reidgen.choices import check_count, one_of
from reidgen.engine.loading import warnings_only
from reidgen.engine.translation import ModelTranslator
from reidgen.evaluation.calibration import Calibration
from reidgen.evaluation.distances import pair_distances
from reidgen.evaluation.labels import check_finite
from reidgen.evaluation.neighbours import nearest_neighbours
from reidgen.retrieval.feature_extractor import FeatureExtractor
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.search import search
from reidgen.retrieval.topk import TopK, exact_distances, smallest_k

from .batches import Batches, as_batch
from .code_swap import CodeSwap
from .images import Images, OneImage, as_list, is_one
from .model_file import ModelInfo, import_classes, read_model_file
from .zoo import find_model

Camera: TypeAlias = str | Sequence[str] | None


class Comparison(NamedTuple):
    """Similarity of two images, and what it means for persons like those of the test set."""

    similarity: float  # cosine, -1 to 1
    score: float  # probability that it is one person, if both were equally likely before
    threshold: float  # similarity from which a pair is called a match
    match: bool
    fmr: float  # share of pairs of two persons that are called a match, measured


class Found(NamedTuple):
    """Gallery image that a search found."""

    row: int  # in the gallery
    path: str | None  # None for an image in memory
    similarity: float  # cosine


class Model:
    """Trained model of a file: features, comparison, search and translation of images.

    Images are given one by one, as a list or as a batch: paths, PIL images, arrays (H, W, 3) uint8
    RGB, tensors (3, H, W) uint8 or float in 0..1. They are resized as in the model's test.

    Args:
        model: a model file (`reidgen export`), or the name of a model of reidgen's.
        device: by default a GPU where there is one.
        batch_size: images at a time; None: by the memory of the device. Where memory does not
            suffice, it is halved.

    Attributes:
        info: description: networks, transforms, licence, data, metrics.
        device: of the networks.

    Raises:
        FileNotFoundError: no such file or name.
        ValueError: a file that is damaged, of another version or of weights alone, or a class that
            is not registered.
    """

    def __init__(
        self,
        model: str | Path,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
    ):
        if batch_size is not None:
            check_count('batch_size', batch_size)
        self.info, self.extractor = open_model(model, device=device)
        self.device = self.extractor.model.data_preprocessor.device
        self._batches = Batches(self.info, self.device, batch_size)

    def __repr__(self) -> str:
        return f'{self.info}\non {self.device}'

    @property
    def batch_size(self) -> int:
        """Images at a time, as the memory of the device has allowed so far."""
        return self._batches.size

    def embed(self, images: Images, progress: bool | None = None, camera: Camera = None) -> Tensor:
        """Features (N, D) float32 on the CPU, L2-normalised.

        Args:
            progress: whether a bar is shown; None: on a terminal, where there are several batches.
            camera: name of the camera of the images, or of each of them: one of `info.cameras`,
                where the file has batch-norm statistics by camera.

        Raises:
            ValueError, TypeError, OSError: there is no image, or one cannot be read; gives its
                place in the list, and the fix.
        """
        if not self.info.dims:
            raise TypeError(f'{self.info.name} translates images and has no features of them')
        images = as_list(images)
        features = torch.empty(len(images), self.info.dims)
        for number, rows in self._by_camera(camera, len(images)):
            part = images if len(rows) == len(images) else [images[row] for row in rows]

            def work(img: Tensor, maps: Tensor | None, number: int | None = number) -> Tensor:
                return self.extractor.embed(as_batch(img, None), number)

            features[rows] = self._batches.run(part, work, 'embed', progress)
        check_finite(features, 'image', None)
        return features

    def compare(
        self, a: Images, b: Images, camera_a: Camera = None, camera_b: Camera = None
    ) -> Comparison | list[Comparison]:
        """Similarity of two images, or of those of two lists in pairs, with a calibrated score.

        Args:
            camera_a, camera_b: as `camera` of `embed`.

        Raises:
            ValueError: the lists differ in length, the file has no calibration, or as `embed`.
        """
        calibration = self.calibration
        one = is_one(a) and is_one(b)
        first, second = self.embed(a, camera=camera_a), self.embed(b, camera=camera_b)
        if len(first) != len(second):
            raise ValueError(
                f'a has {len(first)} images and b {len(second)}; they are compared in pairs, so '
                f'give as many, or use `search`'
            )
        rows = torch.arange(len(first))
        distances = pair_distances(first, second, rows, rows, torch.float64).tolist()
        pairs = [
            Comparison(
                similarity=1 - distance / 2,
                score=calibration.probability(distance),
                threshold=1 - calibration.threshold / 2,
                match=calibration.is_match(distance),
                fmr=calibration.fmr,
            )
            for distance in distances
        ]
        return pairs[0] if one else pairs

    @property
    def calibration(self) -> Calibration:
        """Calibration of the model's distances.

        Raises:
            ValueError: the file has none.
        """
        if not self.info.calibration:
            fix = (
                'evaluate it (`reidgen test CONFIG CHECKPOINT --work-dir DIR`), then export it '
                'again with --results DIR/results.json'
            )
            if self.info.cameras:
                fix = "a threshold holds with its own batch-norm statistics: measure these cameras'"
            raise ValueError(f'the file of {self.info.name} has no threshold; {fix}')
        return Calibration.from_dict(self.info.calibration)

    def search(
        self,
        query: Images,
        gallery: Images | FeatureStore,
        top: int = 10,
        camera: Camera = None,
        gallery_camera: Camera = None,
    ) -> list[Found] | list[list[Found]]:
        """Nearest gallery images of a query, or of each query of a list, nearest first.

        Args:
            gallery: images, a feature store (`reidgen extract MODEL`), or the folder of one.
            top: length of a list; shorter where the gallery is.
            camera, gallery_camera: as `camera` of `embed`, of queries and of a gallery of images.

        Raises:
            ValueError: top below 1, a store of another encoder, or as `embed`.
        """
        check_count('top', top)
        if isinstance(gallery, str | Path) and Path(gallery).is_dir():
            gallery = FeatureStore(gallery)
        if isinstance(gallery, FeatureStore):
            topk, paths = self._search_store(self.embed(query, camera=camera), gallery, top)
        else:
            queries, images = self.embed(query, camera=camera), as_list(gallery)
            features = self.embed(images, camera=gallery_camera)
            topk, paths = self._search_images(queries, features, images, top)
        lists = [
            [Found(row, paths[row], 1 - far / 2) for row, far in zip(rows, distances) if row >= 0]
            for rows, distances in zip(topk.rows.tolist(), topk.distances.tolist())
        ]
        return lists[0] if is_one(query) else lists

    def translate(self, images: Images, domain: str, progress: bool | None = None) -> Tensor:
        """Images (N, 3, H, W) uint8 in the style of a domain.

        Args:
            domain: one of `info.domains`.
            progress: as of `embed`.

        Raises:
            ValueError: the file has no generators or not of this domain, or as `embed`.
        """
        self.check_domain(domain)
        translator = ModelTranslator(self.extractor.model, domain)

        def batch(img: Tensor, maps: Tensor | None) -> Tensor:
            return translator(as_batch(img, maps)).permute(0, 3, 1, 2)

        return self._batches.run(as_list(images), batch, 'translate', progress)

    def swap(self, a: OneImage, b: OneImage, domain: str) -> Tensor:
        """Images (2, 3, H, W) uint8 of two persons whose appearance codes have changed places.

        The first has the structure of `a` and the appearance of `b`, the second the reverse, both
        in the style of a domain.

        Raises:
            ValueError: as `translate`, or the model has no separate codes of structure and
                appearance.
        """
        self.check_domain(domain)
        swapped = CodeSwap(self.extractor.model, domain)
        return swapped(as_batch(*self._batches.load([*as_list([a, b])]))).permute(0, 3, 1, 2)

    def use_camera(self, camera: str | None) -> None:
        """Gives the encoder the batch-norm statistics of a camera, as for one image of it."""
        ((number, _),) = self._by_camera(camera, 1)
        self.extractor.use_camera(number)

    def check_domain(self, domain: str) -> None:
        """Raises ValueError where the file has no generators, or not of this domain."""
        if not self.info.domains:
            raise ValueError(
                f'the file of {self.info.name} has no generators; export the model again with '
                f'--translate'
            )
        one_of(domain, self.info.domains, 'domain')

    def _by_camera(self, camera: Camera, num: int) -> Sequence[tuple[int | None, list[int]]]:
        """Numbers of cameras with the rows of their images; None for a file without."""
        statistics = self.extractor.statistics
        if camera is None:
            return [(None, list(range(num)))]
        if statistics is None:
            raise ValueError(
                f'{self.info.name} has no batch-norm statistics by camera; leave camera out, or '
                f'write a file that has: `reidgen export MODEL --cameras FOLDER --out FILE`'
            )
        return statistics.groups(camera, num)

    def _search_store(
        self, queries: Tensor, store: FeatureStore, top: int
    ) -> tuple[TopK, Mapping[int, str | None]]:
        difference = store.manifest.encoder.difference(self.extractor.info)
        if difference is not None:
            raise ValueError(
                f'the features of {store.folder} are of another encoder: {difference}. Extract '
                f'them with this file: `reidgen extract MODEL --images FOLDER --out DIR`'
            )
        topk = search(queries, store, top)
        root = Path(store.manifest.root)
        wanted = topk.rows[topk.rows >= 0].unique().tolist()
        return topk, {row: str(root / one.path) for row, one in store.records(wanted).items()}

    @staticmethod
    def _search_images(
        queries: Tensor, features: Tensor, gallery: Sequence[OneImage], top: int
    ) -> tuple[TopK, Mapping[int, str | None]]:
        top = min(top, len(features))
        index = nearest_neighbours(queries, features, top).index
        topk = smallest_k(index, exact_distances(queries, features, index), top)
        named = enumerate(gallery)
        return topk, {row: str(x) if isinstance(x, str | Path) else None for row, x in named}


def open_model(
    model: str | Path, amp: bool = False, device: str | torch.device | None = None
) -> tuple[ModelInfo, FeatureExtractor]:
    """Description and extractor of a model file, or of the model of that name.

    Args:
        amp: bfloat16 autocast.

    Raises:
        FileNotFoundError, ValueError: as `Model`.
    """
    path = find_model(model)
    info, _ = read_model_file(path)  # compares the SHA-256, too
    import_classes(info, path)
    encoder = replace(info.encoder_info(path), amp=amp)
    with warnings_only():  # what is taken from the file is not told either
        return info, FeatureExtractor.from_info(encoder, device=device)
