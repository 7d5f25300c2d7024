"""Arguments of train, test, extract and search, without slow imports."""

import argparse
import os

from reidgen.command_line import add_common_options, add_config_options, count, positive

DTYPES = ('float32', 'float16')  # of reidgen.retrieval.manifest
PATTERN = r'(?:^|/)(?P<pid>-?\d+)_c(?P<camid>\d+)[s\s._-][^/]*$'  # of reidgen.datasets.folder

EXTRACT = """\
Writes the features of images into a folder, for the command search.

    %(prog)s CONFIG CHECKPOINT --images FOLDER --out DIR
    %(prog)s model.safetensors --images FOLDER --out DIR
    %(prog)s CONFIG CHECKPOINT --dataset market1501/gallery --out DIR
    torchrun --nproc_per_node=4 -m reidgen.cli extract CONFIG CHECKPOINT --images FOLDER --out DIR

The same command again continues what was stopped.
"""
SEARCH = """\
Searches features that the command extract wrote: for an image, a folder of them, or other features.

    %(prog)s STORE --query person.jpg --out DIR
    %(prog)s STORE --query FOLDER --top 20 --index faiss --out DIR

Images are embedded by the encoder that the store was made with: its manifest has the settings, as
data, and says where the checkpoint is.
"""
CONVERT_WEIGHTS = """\
Reads published checkpoints into reidgen's networks, weights alone, and writes one file.

    %(prog)s id_00100000.pt gen_00100000.pt dis_00100000.pt --out gcl.safetensors
    %(prog)s market_bot_R50.pth --out encoder.safetensors

The names of the tensors tell the code base: GCL, JVTC, DG-Net, torchreid, fast-reid, SpCL or
cluster-contrast. No code of a file runs. Each tensor is converted, left for a reason that is
printed, or refused: a file is never converted partly in silence.
"""


def add_train(parser: argparse.ArgumentParser) -> None:
    """Options of `train`."""
    parser.description = 'Trains a config: %(prog)s configs/gcl_market2duke.py'
    parser.add_argument('config', help='a Python config')
    parser.add_argument(
        '--work-dir', help='logs, checkpoints, pictures (default: work_dirs/<config name>)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='continue from this checkpoint; without PATH from the newest in the work dir',
    )
    parser.add_argument(
        '--load-from',
        metavar='PATH',
        help='start from the weights of a checkpoint, e.g. stage_identity.pth with --first-stage',
    )
    parser.add_argument(
        '--first-stage', metavar='NAME', help='leave out the stages before this one'
    )
    parser.add_argument('--seed', type=int, help="of everything random (default: the config's)")
    add_common_options(parser)


def add_test(parser: argparse.ArgumentParser) -> None:
    """Options of `test`."""
    parser.description = (
        'Evaluates a checkpoint: %(prog)s CONFIG work_dirs/NAME/stage_joint.pth\n'
        'Without a checkpoint the networks are evaluated as the config starts them.'
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='a .pth file of a work dir (default: the networks as they start)',
    )
    parser.add_argument(
        '--work-dir', help='for results and pictures (default: work_dirs/<config name>/test)'
    )
    parser.add_argument(
        '--adabn',
        action='store_true',
        help="re-estimate batch-norm statistics on the target's training images first",
    )
    parser.add_argument(
        '--rerank',
        action='store_true',
        help='k-reciprocal re-ranking, k1=20, k2=6, weight 0.3 (others: val_evaluator.rerank)',
    )
    parser.add_argument(
        '--show',
        type=count,
        default=0,
        metavar='N',
        help='draw the ranked lists of N queries, activation maps and the CMC curve',
    )
    parser.add_argument(
        '--projector',
        action='store_true',
        help="write the embeddings with thumbnails for TensorBoard's projector",
    )
    add_common_options(parser)


def add_extract(parser: argparse.ArgumentParser) -> None:
    """Options of `extract`."""
    parser.description = EXTRACT
    parser.add_argument(
        'config', help='the Python config it was trained with, or a model file alone'
    )
    parser.add_argument('checkpoint', nargs='?', help='a .pth or .safetensors file')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--images', metavar='FOLDER', help='every image below it, or one image')
    source.add_argument(
        '--dataset',
        metavar='NAME/SPLIT',
        help='a data set of the config and its split, such as market1501/gallery',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the features')
    parser.add_argument('--batch-size', type=positive, default=128)
    parser.add_argument(
        '--workers',
        type=count,
        default=min(4, os.cpu_count() or 1),
        help='processes that decode images (default: one a CPU core, 4 at most)',
    )
    parser.add_argument(
        '--shard-size',
        type=positive,
        default=4096,
        help='images a file; a kill costs one at most',
    )
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='on disk')
    parser.add_argument(
        '--pattern',
        help='of --images: regular expression with the groups pid and camid, or one of them, in '
        f"the path below FOLDER, such as '{PATTERN}'",
    )
    parser.add_argument(
        '--skip-corrupt',
        action='store_true',
        help='of --images: decode every file first and leave out what cannot be',
    )
    parser.add_argument(
        '--camera',
        metavar='NAME',
        help='of --images and a model file with batch-norm statistics by camera: which camera they '
        'are of (default: what --pattern finds as camid, or the first sub-folder)',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    add_config_options(parser)


def add_search(parser: argparse.ArgumentParser) -> None:
    """Options of `search`."""
    parser.description = SEARCH
    parser.add_argument('store', help='folder that `reidgen extract` wrote')
    parser.add_argument(
        '--query',
        required=True,
        help='an image, a folder of images, or another store; the store '
        'itself finds for each image the others',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='for the results')
    parser.add_argument('--top', type=positive, default=10, metavar='K', help='images a query')
    parser.add_argument(
        '--index',
        choices=['exact', 'faiss'],
        default='exact',
        help='exact: every feature is compared, from disk; faiss: an index, built once, in memory',
    )
    parser.add_argument(
        '--faiss-factory',
        metavar='NAME',
        help="faiss's name of the index (default: Flat for few images, else IVF<lists>,SQ8)",
    )
    parser.add_argument('--faiss-search', metavar='PARAMETERS', help='such as nprobe=64')
    parser.add_argument('--cameras', nargs='+', metavar='C', help='search images of these cameras')
    parser.add_argument(
        '--other-cameras', action='store_true', help="leave out images of a query's own camera"
    )
    parser.add_argument('--pattern', help='what names of query images tell, as in extract.py')
    parser.add_argument('--camera', metavar='NAME', help='of the query images, as in extract.py')
    parser.add_argument(
        '--skip-corrupt',
        action='store_true',
        help='of a folder: decode every query first and leave out what cannot be',
    )
    parser.add_argument(
        '--config',
        help="of the query images' encoder, a Python file that is run (default: the settings in "
        'the manifest)',
    )
    parser.add_argument('--checkpoint', help='of that encoder, if it was moved')
    add_config_options(parser)
    parser.add_argument('--root', help="where the gallery's images lie, if they were moved")
    parser.add_argument(
        '--show', type=count, default=8, metavar='N', help='queries to print and draw; 0: none'
    )
    parser.add_argument('--batch-size', type=positive, default=128)
    parser.add_argument('--workers', type=count, default=0, help='processes that decode queries')


def add_convert_weights(parser: argparse.ArgumentParser) -> None:
    """Options of `convert-weights`."""
    parser.description = CONVERT_WEIGHTS
    parser.add_argument('files', nargs='+', metavar='FILE', help='published checkpoints')
    parser.add_argument(
        '--out',
        required=True,
        metavar='FILE',
        help='.safetensors or .pth, for `weights` of E_c and --load-from',
    )
