"""Arguments of report, export, compare, demo, models, configs and doctor, without slow imports."""

import argparse

from reidgen.command_line import add_config_options, count

from .model_arguments import DTYPES

REPORT = """\
Shows a run on one HTML page that needs no network: scores, curves, ranked lists, pictures.

    %(prog)s work_dirs/gcl_synth
    %(prog)s work_dirs/gcl_synth work_dirs/gcl_synth_b --out both.html

Ranked lists are those of the command test, which writes them to work_dirs/<config>/test.
"""
EXPORT = """\
Writes a model file: weights with all that is needed to use them, without a config and without code.

    %(prog)s CONFIG CHECKPOINT --out model.safetensors --licence CC-BY-4.0
    %(prog)s model.safetensors --out model.onnx
    %(prog)s model.safetensors --out model.pt2
    %(prog)s model.safetensors --cameras crops --out my_cameras.safetensors

The second and third write programs for onnxruntime and torch.export with resizing and normalising
inside: images (N, H, W, 3) uint8 RGB to features (N, D). They are compared with torch. The fourth
writes a model file with the batch-norm statistics of each of your cameras, from crops without
labels; nothing is trained (Zhuang et al., ECCV 2020).
"""
COMPARE = """\
Says whether two pictures show one person, with a calibrated score.

    %(prog)s a.jpg b.jpg --model model.safetensors

The threshold is that at which 1 %% of pairs of two persons were called a match when the model was
tested; other cameras have other rates.
"""
CONFIGS = """\
Lists the configs that come with reidgen, or copies one with its bases for editing.

    %(prog)s
    %(prog)s --copy gcl_smoke my_experiments
"""

DEMO = """\
Opens a page in the browser: search of a folder, translation of a person, swap of two appearances.

    %(prog)s --gallery crops
    %(prog)s --gallery crops --model generators.safetensors

Translation and swap need a model file with generators: `reidgen export CONFIG CHECKPOINT
--translate --out FILE`. The page is served to this machine alone.
"""


def add_report(parser: argparse.ArgumentParser) -> None:
    """Options of `report`."""
    parser.description = REPORT
    parser.add_argument('runs', nargs='+', metavar='RUN', help='work dirs, side by side if several')
    parser.add_argument('--out', help='the page (default: report.html in the first work dir)')
    parser.add_argument(
        '--queries',
        type=count,
        default=60,
        metavar='N',
        help='whose ranked lists have pictures: half of them the worst, a quarter the best',
    )


def add_export(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    parser.description = EXPORT
    parser.add_argument(
        'config', help='the Python config it was trained with, or a model file alone'
    )
    parser.add_argument('checkpoint', nargs='?', help='a .pth or .safetensors file')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='name.safetensors, name.onnx or name.pt2'
    )
    parser.add_argument(
        '--results',
        metavar='FILE',
        help='results.json of `reidgen test`, for metrics and the threshold of `compare` (default: '
        'test/results.json beside the checkpoint, if it is of it)',
    )
    parser.add_argument('--licence', default='not stated', help='of the weights')
    parser.add_argument('--data', help="training data in words (default: the config's)")
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='of the weights')
    parser.add_argument(
        '--translate', action='store_true', help='with the networks that translate images'
    )
    parser.add_argument(
        '--adabn',
        action='store_true',
        help="batch-norm statistics of the target's training images, as of `test --adabn`; "
        "always with bn_mode='target_recalib'",
    )
    parser.add_argument(
        '--check', metavar='FOLDER', help='pictures on which a program is compared with torch'
    )
    parser.add_argument(
        '--cameras',
        metavar='FOLDER',
        help='of a model file: crops of your cameras, some 50 of each or more, whose batch-norm '
        'statistics go into the file; a sub-folder is a camera',
    )
    parser.add_argument(
        '--camera-pattern',
        metavar='REGEX',
        help=r"of --cameras: finds the camera in the path below FOLDER: '_c(?P<camid>\d+)'",
    )
    parser.add_argument(
        '--camera',
        metavar='NAME',
        help='of a program: whose batch-norm statistics it has, where the model file has them by '
        'camera',
    )
    add_config_options(parser)


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Options of `compare`."""
    parser.description = COMPARE
    parser.add_argument('first', metavar='A', help='a picture of one person')
    parser.add_argument('second', metavar='B', help='another')
    parser.add_argument(
        '--model', required=True, help='a model file, or a name that `reidgen models` lists'
    )
    parser.add_argument(
        '--cameras',
        nargs=2,
        metavar=('NAME', 'NAME'),
        default=(None, None),
        help='of A and B, where the model file has batch-norm statistics by camera',
    )


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Options of `demo`."""
    parser.description = DEMO
    parser.add_argument(
        '--gallery',
        metavar='FOLDER',
        help='pictures that are searched (default: rendered people, drawn in seconds on first use)',
    )
    parser.add_argument(
        '--model',
        default='synth',
        help='a model file, or a name that `reidgen models` lists (default: %(default)s)',
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to serve at; another one lets others in, without a password '
        '(default: %(default)s)',
    )
    parser.add_argument('--port', type=count, default=7860, help='(default: %(default)s)')
    parser.add_argument(
        '--no-browser', action='store_true', help='prints the address and opens no browser'
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """Options of `models`."""
    parser.description = 'Lists the trained models that come with reidgen, or describes one file.'
    parser.add_argument('model', nargs='?', help='a model file or a name, to describe it')


def add_configs(parser: argparse.ArgumentParser) -> None:
    """Options of `configs`."""
    parser.description = CONFIGS
    parser.add_argument(
        '--copy', metavar='NAME', help='a config of the list, with or without folder and suffix'
    )
    parser.add_argument('out', nargs='?', default='.', metavar='DIR', help='where copies go')


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Options of `doctor`."""
    parser.description = (
        'Says what of versions, devices, data, maps, weights and disk is there, and how to mend '
        'what is not. Ends with 1 where a training cannot run.'
    )
    parser.add_argument(
        '--root', default='.', metavar='DIR', help='folder that data roots are relative to'
    )
