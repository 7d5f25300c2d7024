"""Network features of the images of a folder, for FID and KID."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.device import get_device
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as vision
from tqdm import tqdm

from reidgen.checkpoint import hub_file, read_checkpoint
from reidgen.choices import check_count
from reidgen.datasets.image_files import list_images, read_rgb
from reidgen.files import sha256_of
from reidgen.spacing import evenly_spaced
from reidgen.structures import ImageBatch

from .config import load_config, test_transforms
from .loading import trained_model


@dataclass(frozen=True)
class FeatureNetwork:
    """Feature network with its name, weights hash and input resizing, for reports."""

    name: str  # in the results
    prefix: str  # of the metrics' names: '' is for the Inception network of FID alone
    network: Callable[[Tensor], Tensor]  # (B, 3, H, W) uint8 -> (B, D) float
    weights_sha256: str
    resize: str  # how images get to the network's size


class ImageFolder(Dataset):
    """Images of a folder and its sub-folders, sorted, in one size.

    Args:
        folder: PNG or JPEG files.
        size: (height, width), to which others are resized, bicubic with antialias.
        num_images: only so many, spread evenly over the sorted list; None: all.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ValueError: num_images is below 1, or there are fewer images.
    """

    def __init__(self, folder: str | Path, size: tuple[int, int], num_images: int | None = None):
        paths = list_images(Path(folder), recursive=True)
        if num_images is not None:
            check_count('num_images', num_images)
        if num_images is not None and num_images > len(paths):
            raise ValueError(f'{folder} has {len(paths)} images, not {num_images}')
        count = num_images or len(paths)
        self.paths = [paths[row] for row in evenly_spaced(len(paths), count)]
        self.size = list(size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Tensor:
        image = read_rgb(self.paths[row])
        if list(image.shape[1:]) == self.size:
            return image
        return vision.resize(image, self.size, InterpolationMode.BICUBIC, antialias=True)


@torch.no_grad()
def image_features(
    extractor: FeatureNetwork, images: Dataset, batch_size: int = 64, num_workers: int = 0
) -> Tensor:
    """Features (N, D) float32 on the CPU, in the order of the images."""
    loader = DataLoader(images, batch_size, num_workers=num_workers)
    batches = tqdm(loader, f'{extractor.name} features', leave=False, disable=None)
    return torch.cat([extractor.network(batch.to(get_device())).float().cpu() for batch in batches])


def inception_extractor(weights: str | Path | None = None) -> FeatureNetwork:
    """Inception network of FID (Heusel et al., NeurIPS 2017) by torch-fidelity, 2048 features.

    Args:
        weights: a local file of torch-fidelity's; None: the one of its release, or of the cache.

    Raises:
        ImportError: torch-fidelity is not installed.
        FileNotFoundError: the weights cannot be had; there is no random start.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as inception
    except ImportError as error:
        raise ImportError(f"torch-fidelity: {error}; pip install 'reidgen[metrics]'") from error
    path = weights or hub_file(
        inception.URL_INCEPTION_V3, 'Inception weights of FID', 'give a local file (--inception)'
    )
    read_checkpoint(path)  # torch-fidelity would run the code of a file with more than tensors
    network = inception.FeatureExtractorInceptionV3(
        'inception-v3-compat', ['2048'], feature_extractor_weights_path=str(path)
    ).to(get_device())
    return FeatureNetwork(
        name='inception_v3_fid',
        prefix='',
        network=lambda images: network(images)[0],
        weights_sha256=sha256_of(path),
        resize='299 x 299, bilinear as TensorFlow 1 has it, no antialias',
    )


def reid_extractor(config: str | Path, checkpoint: str | Path, options=None) -> FeatureNetwork:
    """Normalised embeddings of a trained re-ID model at its test size.

    Args:
        config: the config it was trained with.
        checkpoint: a .pth or .safetensors file of the model, or of its encoder.
        options: dotted keys that override the config.

    Raises:
        ValueError: the checkpoint does not fit, or the config has no evaluation with a Resize.
    """
    cfg = load_config(config, options)
    size = evaluation_size(cfg, config)
    model = trained_model(cfg, checkpoint, to_embed=True)

    def embed(images: Tensor) -> Tensor:
        resized = vision.resize(images, size, InterpolationMode.BICUBIC, antialias=True)
        none = torch.full((len(images),), -1)
        return model.val_step(ImageBatch(resized, none, none, none))

    return FeatureNetwork(
        name=f'reid:{Path(config).stem}',
        prefix='reid_',
        network=embed,
        weights_sha256=sha256_of(checkpoint),
        resize=f'{size[0]} x {size[1]}, bicubic, antialias',
    )


def evaluation_size(cfg, config: str | Path) -> list[int]:
    """Test size [height, width] of a config.

    Raises:
        ValueError: it has no test transforms, or none that resizes.
    """
    for transform in test_transforms(cfg, config):
        if transform['type'] == 'Resize':
            return list(transform['size'])
    raise ValueError(
        f'the test transforms of {config} do not resize, so the size at which its model reads '
        f'images is not known; give the config of a re-identification model'
    )
