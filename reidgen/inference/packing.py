"""Packing: from a config and a checkpoint to a model file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from reidgen import __version__, registry
from reidgen.choices import one_of
from reidgen.datasets.pose_maps import build_pose_map
from reidgen.datasets.records import Record
from reidgen.datasets.transforms import Sample, Transform, build_transforms, without_chance
from reidgen.engine.config import load_config
from reidgen.engine.loading import recalibrated_by, trained_model, unloaded_model
from reidgen.evaluation.camera_statistics import CameraStatistics
from reidgen.files import sha256_of
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODELS, find
from reidgen.retrieval.feature_extractor import plain, test_transforms

from .batch_norm import bake_statistics
from .batches import as_batch
from .model_file import ModelInfo, cast_weights, types_of, write_model_file
from .results import read_results

DTYPES = dict(float32=torch.float32, float16=torch.float16)
DOMAINS = ('target', 'source')  # whose style models translate to
FROM_IMAGE = ('Grayscale', 'Colour')  # pose maps that need no file
CLOSE = {torch.float32: 0.0, torch.float16: 0.02}  # what features of the file may differ


@dataclass(frozen=True)
class Packing:
    """What a model file has beside what config and checkpoint tell.

    Attributes:
        results: results.json of `reidgen test`, for metrics and threshold; None: those beside the
            checkpoint, in `test/`, if they are of it.
        licence: of the weights.
        training_data: None: as the config's training loaders say.
        dtype: of the weights in the file.
        translate: with the networks that `translate` needs.
        adabn: batch-norm statistics re-estimated on the target's training images, as `reidgen test
            --adabn` does; always so where an evaluation re-estimates them.
    """

    results: str | Path | None = None
    licence: str = 'not stated'
    training_data: str | None = None
    dtype: str = 'float32'
    translate: bool = False
    adabn: bool = False


def name_of(config: str | Path) -> str:
    """Name of a model: its config's, or of a `config.py`, such as `reidgen adapt` writes, the
    folder's.
    """
    path = Path(config)
    return path.absolute().parent.name if path.stem == 'config' else path.stem


def pack(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    packing: Packing | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> ModelInfo:
    """Writes a model file; features of the file are compared with those of the checkpoint.

    Raises:
        FileNotFoundError, ValueError: config, checkpoint and results do not fit one another; the
            test transforms give no one size; maps that translation needs are not made from an
            image.
    """
    packing = packing or Packing()
    dtype = DTYPES[one_of(packing.dtype, tuple(DTYPES), 'dtype')]
    cfg = load_config(config, cfg_options)
    embeds = find(cfg.model['type'], MODELS, place='model').embed is not AdversarialModel.embed
    if not (embeds or packing.translate):
        raise ValueError(
            f'{cfg.model["type"]} has no features of images; export its generators: --translate'
        )
    transforms = plain(transforms_of(cfg, config, packing.translate))
    size = input_size(build_transforms(transforms), config)
    adapted = adapted_by(cfg, packing.adabn)
    measured = read_results(packing.results, checkpoint, adapted)
    model = trained_model(cfg, checkpoint, to_embed=not packing.translate)
    statistics = None
    if adapted:
        statistics = bake_statistics(model, cfg, adapted == 'camera')
    model.cpu().eval()
    img = torch.randint(0, 256, (2, 3, *size), generator=torch.manual_seed(0)).to(torch.uint8)
    settings, state = plain(cfg.model.to_dict()), {}
    info = ModelInfo(
        name=name_of(config),
        model=settings,
        transforms=transforms,
        input_size=size,
        dims=embedded(model, img).shape[1] if embeds else 0,
        normalisation='L2',
        training_data=packing.training_data or described(cfg),
        licence=packing.licence,
        checkpoint_sha256=sha256_of(checkpoint),
        reidgen_version=__version__,
        cameras=statistics.cameras if statistics else [],
        **measured,
    )
    kept = model.evaluated
    if packing.translate:
        info = replace(info, pose_map=pose_maps(cfg, config), domains=list(DOMAINS))
        kept = model.network_names
    else:
        info = replace(info, **reduced(model, settings, img))
    info = replace(info, imports=needed_imports(cfg, info.model))
    state = {key: x for key, x in model.state_dict().items() if key.partition('.')[0] in kept}
    state |= statistics.tensors() if statistics else {}
    write_model_file(out, info, cast_weights(state, dtype))
    check_written(out, model, info, img, CLOSE[dtype], statistics)
    return info


def adapted_by(cfg: Config, adabn: bool) -> str | None:
    """By what batch-norm statistics are re-estimated: 'domain' or 'camera'; None: they are not."""
    if not adabn and recalibrated_by(cfg) is None:
        return None
    return (cfg.get('val_cfg') or {}).get('adabn_by', 'domain')


def check_written(
    out: str | Path,
    model: AdversarialModel,
    info: ModelInfo,
    img: Tensor,
    close: float,
    statistics: CameraStatistics | None = None,
) -> None:
    """Raises RuntimeError where the file gives other features or translations than the model."""
    from .model import Model  # here: it is not needed to pack, but for this check

    extractor = Model(out, device='cpu').extractor
    again, pairs = extractor.model, []
    if info.dims:
        pairs.append(('features', embedded(again, img), embedded(model, img)))
    for number, camera in enumerate(statistics.cameras if statistics and info.dims else []):
        assert statistics is not None
        with statistics.used(model, number):
            expected = embedded(model, img)
        found = extractor.embed(as_batch(img, None), number)
        pairs.append((f'features of the camera {camera}', found, expected))
    for domain in info.domains:
        maps = loaded_maps(info.pose_map, img)
        batch = model.data_preprocessor(as_batch(img, maps))
        with torch.no_grad():
            both = again.translate(batch, domain), model.translate(batch, domain)
        pairs.append((f'images as {domain}', *both))
    for what, found, expected in pairs:
        far = float((found - expected).abs().max())
        if not far <= close * max(1.0, float(expected.abs().max())):
            Path(out).unlink()
            raise RuntimeError(
                f'{out}: {what} of the file differ from those of the checkpoint by {far:.3g}; this '
                f'is a fault of {type(model).__name__} or of reidgen: please report it'
            )


def transforms_of(cfg: Config, config: str | Path, translate: bool) -> list[dict]:
    """Configs of the test transforms; of a GAN without a test, the size that it is trained at."""
    if cfg.get('val_dataloader') or not translate:
        return test_transforms(cfg, config)
    loader = next(iter(cfg.train_dataloader.values()))
    training = build_transforms(plain(loader['dataset'].get('transforms', [])))
    return [dict(type='Resize', size=input_size(without_chance(training), config))]


def needed_imports(cfg: Config, model: dict) -> list[str]:
    """Modules of the config that register a class of the model."""
    kinds = [found for name in types_of(model) for found in registry.find_all(name)]
    own = all(kind.__module__.startswith('reidgen.') for kind in kinds)
    return [] if own else list((cfg.get('custom_imports') or {}).get('imports', []))


def input_size(transforms: Sequence[Transform], config: str | Path) -> list[int]:
    """Size [height, width] that the test transforms give to images of any size.

    Raises:
        ValueError: it depends on the image.
    """
    sizes = set()
    for height, width in ((48, 20), (99, 77)):
        sample = Sample(torch.zeros(3, height, width, dtype=torch.uint8))
        for transform in transforms:
            sample = transform(sample)
        sizes.add(tuple(sample.img.shape[1:]))
    if len(sizes) > 1:
        raise ValueError(
            f'the test transforms of {config} give images of several sizes, and a model file has '
            f"one; add dict(type='Resize', size=(256, 128)) to those of val_dataloader"
        )
    return list(sizes.pop())


def embedded(model: AdversarialModel, img: Tensor) -> Tensor:
    """Features (B, D) of uint8 images."""
    return model.val_step(as_batch(img, None))


def reduced(model: AdversarialModel, settings: dict, img: Tensor) -> dict[str, Any]:
    """Model config of what features need alone: an IdentityModel, where it gives the same ones."""
    if 'E_c' not in model.evaluated or set(model.evaluated) - {'E_c', 'H'}:
        return {}
    kept = {'feature', 'flip_test', 'data_preprocessor'} & set(settings)
    small = {key: settings[key] for key in kept}
    networks = {name: settings['networks'][name] for name in model.evaluated}
    small |= dict(type='IdentityModel', networks=networks)
    try:
        other = unloaded_model(small).eval()
    except ValueError:  # an option of the same name that is another one
        return {}
    other.load_state_dict(
        {k: v for k, v in model.state_dict().items() if k.partition('.')[0] in networks}
    )
    # the same to the bit, or the whole model is kept
    same = torch.equal(embedded(other, img), embedded(model, img))
    return dict(model=small) if same else {}


def pose_maps(cfg: Config, config: str | Path) -> list[dict]:
    """Configs of the pose maps that translation needs.

    Raises:
        ValueError: some are not made from the image alone.
    """
    for name in ('source', 'target'):
        maps = cfg.train_dataloader.get(name, {}).get('dataset', {}).get('pose_map')
        if maps:
            maps = plain([maps] if isinstance(maps, dict) else list(maps))
            files = sorted({each['type'] for each in maps} - set(FROM_IMAGE))
            if files:
                raise ValueError(
                    f'{config} translates with {", ".join(files)} maps, which an image alone does '
                    f'not give; a model file with generators needs maps among '
                    f'{", ".join(FROM_IMAGE)}. Export it without --translate, and translate data '
                    f'sets by `reidgen translate`'
                )
            return maps
    return []


def loaded_maps(pose_map: list[dict], img: Tensor) -> Tensor | None:
    """Maps (B, M, H, W) of uint8 images; None without pose maps."""
    source = build_pose_map(pose_map or None)
    if source is None:
        return None
    return torch.stack([source.load(Record('', -1, -1), 'gallery', None, x) for x in img])


def described(cfg: Config) -> str:
    """Training data of a config in words."""
    texts = []
    for loader in (cfg.get('train_dataloader') or {}).values():
        dataset = loader['dataset']
        named = dataset.get('domain') or Path(str(dataset.get('root', ''))).name
        labels = '' if dataset.get('labelled', True) else ', without labels'
        texts.append(f'{dataset["type"]} {named} ({dataset.get("split", "train")}{labels})')
    return '; '.join(dict.fromkeys(texts)) or 'not stated'
