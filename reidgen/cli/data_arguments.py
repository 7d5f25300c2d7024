"""Arguments of translate, generate, evaluate-images, render and browse, without slow imports."""

import argparse

from reidgen.command_line import KeyValueAction, add_config_options, count, positive

METRICS = ('fid', 'kid', 'reid_fid', 'reid_kid', 'ssim')
SIZES = ('tiny', 'base', 'large')  # of reidgen.synthetic, as are the next two
DOMAINS = ('synth_a', 'synth_b', 'synth_a2b', 'synth_n', 'synth_a2n')
FACES = 'faces'  # of reidgen.synthetic.faces, rendered in the same sizes
SEEDS = ('camera', 'identity', 'image')

TRANSLATE = """\
Translates a training set in another domain's style: a copy in Market-1501 layout, same file names.

    %(prog)s projects/cyclegan/configs/cyclegan_synth.py \\
        work_dirs/cyclegan_synth/stage_translation.pth --domain target \\
        --out data/translated/synth_a2b

    %(prog)s model.safetensors --images crops --out translated    (a model file with generators)

A run that was interrupted goes on where it stopped. Every baseline trains on the copy by its root:

    reidgen train configs/baselines/synth_translated_to_b.py \\
        --cfg-options data_roots.translated=data/translated/synth_a2b
"""
GENERATE = """\
Writes images that a GAN generates from latent vectors: gen_00000.jpg, gen_00001.jpg, ...

    %(prog)s projects/lsro/configs/lsro_market.py work_dirs/lsro_market/stage_dcgan.pth \\
        --out data/generated/market --count 24000

A run that was interrupted goes on where it stopped. Pictures lie beside the folder and begin with
its name: market_grid.png, market_interpolation.png, market_autoencoded.png, market_inversion.png.
"""
EVALUATE_IMAGES = """\
Compares translated images with real ones of the domain they should look like.

    %(prog)s REAL PAINTED                      (FID, KID, SSIM diversity)
    %(prog)s REAL PAINTED --metrics reid_fid ssim \\
        --config configs/gcl_synth.py --checkpoint work_dirs/gcl_synth/stage_clusters.pth

REAL and PAINTED are folders of images: data/dukemtmc/bounding_box_train, say, and the
bounding_box_train that the command translate wrote. FID and KID fetch the Inception network of
torch-fidelity or take --inception FILE; without it they are an error, never another number.
"""
BROWSE = """\
Draws contact sheets of a data set: persons as rows, with maps, masks and joints if it has them.

    %(prog)s SyntheticReID domain=synth_a size=tiny --annotations
    %(prog)s Market1501 root=data/market1501 --split query
    %(prog)s configs/gcl_smoke.py            (its training sets, with maps)
"""
PREPARE = """\
Unpacks an archive of a published data set into the layout that reidgen reads, and counts it.

    %(prog)s Market-1501-v15.09.15.zip --out data/market1501
    %(prog)s MSMT17_V1.tar.gz --out data/msmt17
    %(prog)s VeRi.zip --out data/veri
    %(prog)s cuhk03_release.zip --protocol re-ranking/evaluation/data/CUHK03 --out data/cuhk03-np

The layout is known by the folders inside; an unpacked folder is copied. Nothing is downloaded: the
archives are their authors' to give, for research.
"""
VERIFY = """\
Reads every file of a data set and says in plain words what is wrong or odd: counts, sizes, copies,
persons in both training and test, queries without a match, missing maps. Status 1 where something
is wrong.

    %(prog)s Market1501 root=data/market1501
    %(prog)s FolderReID root=crops pattern=None labelled=False --split train
    %(prog)s configs/gcl_market2duke.py
"""
MAPS = """\
Makes body meshes from key points: fits the built-in body to the joints of each picture and draws it
at its own and seven turned views, where RenderedMesh looks for them.

    %(prog)s Market1501 root=data/market1501 --joints market_train.json --out data/mesh/market
    %(prog)s MSMT17 root=data/msmt17 --subfolders 1 --joints openpose/ --out data/mesh/msmt17

Key points: COCO annotations or results, OpenPose (a folder with NAME_keypoints.json), MPII, or
{"name.jpg": [[x, y, visible], ...]}, in pixels of the picture. Pictures with too few joints are
left out and counted. A run that was interrupted goes on where it stopped.
"""


def add_translate(parser: argparse.ArgumentParser) -> None:
    """Options of `translate`."""
    parser.description = TRANSLATE
    parser.add_argument(
        'config', help='the Python config of the model that translates, or a model file alone'
    )
    parser.add_argument('checkpoint', nargs='?', help='its weights, a .pth file of its work dir')
    parser.add_argument('--domain', default='target', help='whose style is translated')
    parser.add_argument('--images', metavar='FOLDER', help='of a model file: what it translates')
    parser.add_argument('--out', required=True, help='folder of the copy')
    parser.add_argument(
        '--loader', help='training loader whose images are translated (default: the other domain)'
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=('train', 'query', 'gallery'),
        help='splits of that data set, each into its folder (default: train)',
    )
    parser.add_argument('--batch-size', type=positive, default=32)
    parser.add_argument('--num-workers', type=count, default=0)
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    add_config_options(parser)


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Options of `generate`."""
    parser.description = GENERATE
    parser.add_argument('config', help='the Python config of the GAN')
    parser.add_argument('checkpoint', help='its weights, a .pth file of its work dir')
    parser.add_argument('--out', required=True, help='folder of the images')
    parser.add_argument('--count', type=positive, help='of the images')
    parser.add_argument(
        '--grid', action='store_true', help='the first of the images, 64 at most, in one picture'
    )
    parser.add_argument(
        '--interpolate',
        type=positive,
        metavar='N',
        help='a picture of N rows: images between two latent vectors, at ten ratios',
    )
    parser.add_argument(
        '--autoencode',
        nargs='+',
        metavar='IMAGES',
        help='files or folders: a picture of these, each over what the discriminator of a BEGAN '
        'makes of it; they go through the transforms of train_dataloader.real and to its size',
    )
    parser.add_argument(
        '--invert',
        nargs='+',
        metavar='IMAGES',
        help='files or folders, read likewise: a picture of these, each over that of the latent '
        'vector which is found for it, and one of images between each two',
    )
    parser.add_argument(
        '--invert-iters',
        type=positive,
        default=10_000,
        metavar='N',
        help='iterations of --invert, by each of which a component moves 1e-4 at most, about, '
        'from 0: a latent vector in [-1, 1] needs up to 10000 (default)',
    )
    parser.add_argument('--seed', type=count, default=0, help='of the latent vectors')
    parser.add_argument('--batch-size', type=positive, default=64)
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    add_config_options(parser)


def add_evaluate_images(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate-images`."""
    parser.description = EVALUATE_IMAGES
    parser.add_argument('real', help='folder of real images of the target domain')
    parser.add_argument('translated', help='folder of translated images')
    parser.add_argument('--metrics', nargs='+', choices=METRICS, default=['fid', 'kid', 'ssim'])
    parser.add_argument('--inception', metavar='FILE', help="weights of torch-fidelity's Inception")
    parser.add_argument('--config', help='of a re-identification model, for reid_fid')
    parser.add_argument('--checkpoint', help='its weights')
    parser.add_argument(
        '--num-images', type=positive, help='of each set (default: the smaller set)'
    )
    parser.add_argument('--batch-size', type=positive, default=64)
    parser.add_argument('--num-workers', type=count, default=0)
    parser.add_argument('--seed', type=count, default=0, help='of subsets and pairs')
    parser.add_argument('--out', default='work_dirs/image_quality.json', help='results')


def add_render(parser: argparse.ArgumentParser) -> None:
    """Options of `render`."""
    parser.description = (
        'Renders the built-in synthetic people and faces: %(prog)s --size tiny --out DIR'
    )
    parser.add_argument('--size', choices=SIZES, default='base')
    parser.add_argument('--out', default='data/synthetic', help='root of the data sets')
    parser.add_argument('--domains', nargs='+', choices=(*DOMAINS, FACES), default=DOMAINS[:2])
    parser.add_argument('--workers', type=positive, default=1, help='processes')
    parser.add_argument(
        '--no-maps', action='store_true', help='without meshes; they are added when first needed'
    )
    parser.add_argument(
        '--validation',
        action='store_true',
        help='persons for choosing parameters instead of training and test',
    )
    parser.add_argument(
        '--write-reference',
        action='store_true',
        help="for a new version: the package's reference is taken from these "
        'renderings, of size tiny and all domains',
    )
    for name in SEEDS:
        parser.add_argument(f'--{name}-seed', type=count, default=0, help='0 is the benchmark')


def add_browse(parser: argparse.ArgumentParser) -> None:
    """Options of `browse`."""
    parser.description = BROWSE
    _add_data_set(parser)
    parser.add_argument('--split', default='train', help='of a data set given by name')
    parser.add_argument('--ids', type=positive, default=8, help='rows')
    parser.add_argument('--images', type=positive, default=12, help='columns')
    parser.add_argument(
        '--annotations',
        action='store_true',
        help='one image a person, beside it all that is known about it',
    )
    parser.add_argument('--height', type=positive, default=128, help='of a picture on the sheet')
    parser.add_argument('--out', default='work_dirs/browse', help='folder of the PNG files')


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Options of `verify`."""
    parser.description = VERIFY
    _add_data_set(parser)
    parser.add_argument(
        '--split', nargs='+', help='of a data set given by name (default: train query+gallery)'
    )


def add_maps(parser: argparse.ArgumentParser) -> None:
    """Options of `maps`."""
    parser.description = MAPS
    _add_data_set(parser, 'the registered name of a data set', 'arguments of the data set')
    parser.add_argument(
        '--split', choices=('train', 'query', 'gallery'), default='train', help='(default: train)'
    )
    parser.add_argument(
        '--joints', nargs='+', required=True, metavar='PATH', help='JSON files, or folders of them'
    )
    parser.add_argument(
        '--image-list',
        metavar='FILE',
        help="COCO annotations with the pictures' numbers, for COCO results",
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='root of the maps')
    parser.add_argument(
        '--subfolders',
        type=count,
        default=0,
        metavar='N',
        help='folders above the picture that the maps keep (1 for MSMT17), as of RenderedMesh',
    )


def add_prepare(parser: argparse.ArgumentParser) -> None:
    """Options of `prepare`."""
    parser.description = PREPARE
    parser.add_argument('archive', help='a .zip or .tar file, or an unpacked folder')
    parser.add_argument('--out', required=True, metavar='DIR', help='root of the data set')
    parser.add_argument(
        '--protocol',
        metavar='DIR',
        help='of CUHK03: folder of cuhk03_new_protocol_config_detected.mat and ..._labeled.mat',
    )


def _add_data_set(
    parser: argparse.ArgumentParser,
    target: str = 'a config, or the registered name of a data set',
    options: str = 'arguments of the data set, or overrides of the config',
) -> None:
    """A data set by name or of a config, with its options; the two help texts."""
    parser.add_argument('target', help=target)
    parser.add_argument(
        'options',
        nargs='*',
        action=KeyValueAction,
        default={},
        metavar='KEY=VALUE',
        help=options,
    )
