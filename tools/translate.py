"""Translates a training set in another domain's style: a copy in Market-1501 layout, same file
names.

python tools/translate.py projects/cyclegan/configs/cyclegan_synth.py \
    work_dirs/cyclegan_synth/stage_translation.pth --domain target --out data/translated/synth_a2b

A run that was interrupted goes on where it stopped. Every baseline trains on the copy by its root:
    python tools/train.py configs/baselines/synth_translated_to_b.py \
        --cfg-options data_roots.translated=data/translated/synth_a2b
"""

import argparse
import hashlib
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

import torch  # noqa: E402
from torch.utils.data import Dataset, default_collate  # noqa: E402

from reidgen.datasets.market_layout import FOLDERS  # noqa: E402
from reidgen.engine.command_line import add_common_options, run  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.trained import trained_model  # noqa: E402
from reidgen.engine.translation import ModelTranslator, translate_dataset  # noqa: E402
from reidgen.models.adversarial import AdversarialModel  # noqa: E402
from reidgen.registry import DATASETS, MODELS, find  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

OTHER = dict(target='source', source='target')  # whose images are translated in a domain's style
GRID_ROWS = 12


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config of the model that translates')
    parser.add_argument('checkpoint', help='its weights, a .pth file of its work dir')
    parser.add_argument('--domain', default='target', help='whose style is translated')
    parser.add_argument('--out', required=True, help='folder of the copy')
    parser.add_argument(
        '--loader', help='training loader whose images are translated (default: the other domain)'
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=('train', 'query', 'gallery'),
        default=['train'],
        help='splits of that data set, each into its folder',
    )
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--num-workers', type=int, default=0)
    add_common_options(parser)
    return parser.parse_args(args)


def translate(args: argparse.Namespace) -> list[Path]:
    """Folders of pictures, one a split; beside them `grid_<split>.png`, before and after."""
    cfg = load_config(args.config, args.cfg_options)
    model_type = cfg.model['type']
    if find(model_type, MODELS).translate is AdversarialModel.translate:
        raise ValueError(
            f'{model_type}, the model of {args.config}, translates no images; choose a config with '
            f'generators, such as configs/gcl_synth.py'
        )
    loader = args.loader or OTHER.get(args.domain)
    if loader not in cfg.train_dataloader:
        raise ValueError(
            f'style {args.domain!r} has no loader {loader!r} to translate: name the training '
            f'loader by --loader; there are {", ".join(cfg.train_dataloader)}'
        )
    settings = cfg.train_dataloader[loader]['dataset'].to_dict()
    kind = find(settings.pop('type'), DATASETS)
    # before the model: their faults show before weights are read
    datasets = {split: kind(**dict(settings, split=split)) for split in args.splits}
    model = trained_model(cfg, args.checkpoint, args.amp)
    for dataset in datasets.values():
        model.check_translation(dataset, loader, args.domain)
    stamp = dict(
        config=Path(args.config).stem,
        checkpoint_sha256=hashlib.sha256(Path(args.checkpoint).read_bytes()).hexdigest(),
    )
    written = []
    for split, dataset in datasets.items():
        folder = translate_dataset(
            ModelTranslator(model, args.domain),
            dataset,
            Path(args.out) / FOLDERS[split],
            stamp,
            args.batch_size,
            args.num_workers,
        )
        draw(model, dataset, args.domain, Path(args.out) / f'grid_{split}.png')
        print(f'{len(dataset)} pictures of {dataset.name} {split} in {folder}')
        written.append(folder)
    return written


@torch.no_grad()
def draw(model, dataset: Dataset, domain: str, path: Path) -> None:
    """A picture of persons from all over the data set, as they are and as they are translated."""
    count, plain = min(GRID_ROWS, len(dataset)), dataset.plain(maps=True)
    rows = [number * len(dataset) // count for number in range(count)]
    batch = model.data_preprocessor(default_collate([plain[row] for row in rows]))
    columns = [(dataset.name, batch.img), (f'as {domain}', model.translate(batch, domain))]
    save_png(panel(columns, model.data_preprocessor.mean, model.data_preprocessor.std), path)


def main() -> None:
    args = parse_args()
    run(lambda: translate(args), args.out)


if __name__ == '__main__':
    main()
