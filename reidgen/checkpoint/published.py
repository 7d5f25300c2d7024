"""Published layouts: what the key names of a checkpoint tell about the code base it is from."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import published_networks as networks
from .published_networks import Network, Sizes

CLASSIFIER = 'identity classifier of its training set'
MEAN = 'ContentEncoder pools by mean'
NON_LOCAL = 'of a non-local block'
OTHER_RESNETS = {
    r'.*\.bn\d\.(IN|BN)\..*': 'of the instance norm of IBN-Net',
    r'.*\.se\..*': 'of squeeze-and-excitation',
    r'.*\bNL_\d\..*': NON_LOCAL,
    r'.*\.BN_[ST]\..*': 'of batch norms for two domains, of which an encoder has one',
}


class Layout(NamedTuple):
    """Key names of a published file.

    Attributes:
        name: the code base and its network.
        tops: what may be before the keys, the keys of the dictionaries that networks are saved in.
        marks: patterns of keys that together tell the layout.
        networks: the networks in a file by reidgen's names, sizes read off its tensors.
        left: patterns of keys that have no place in these networks, and the reasons.
        omitted: a part that is taken out of keys before they are compared, or ''.
        refused: patterns of keys of another network than reidgen's, and what they are.
        refusal: why no file of this layout can be converted; '' where it can.
        note: what the file does not tell, and a reader of its numbers should know.
    """

    name: str
    tops: tuple[str, ...]
    marks: tuple[str, ...]
    networks: Callable[[Sizes], dict[str, Network]]
    left: Mapping[str, str] = {}
    refused: Mapping[str, str] = {}
    omitted: str = ''
    refusal: str = ''
    note: str = ''


# ---- layouts, the more particular first ----

GCL, DGNET = ('', 'id.', 'gen.', 'dis.'), ('a.', 'b.')
ADAIN = {r'dec\.model\.1\..*\.norm\.running_(mean|var)': 'buffers that AdaIN does not read'}
BLOCKS = {r'.*\.(query_conv|key_conv|value_conv)\..*': NON_LOCAL}
GENERATOR = (r'enc_content\.model\.0\.conv\.weight', r'dec\..*', r'mlp_w1\..*')
DISCRIMINATOR = (r'cnns\.0\.0\.conv\.weight',)

FASTREID = (r'backbone\.conv1\.weight', r'heads\..*')
FASTREID_LEFT = {
    r'heads\.(weight|classifier\..*)': CLASSIFIER,
    r'pixel_(mean|std)': 'of pixels from 0 to 255; compare model.data_preprocessor',
}
CONV_HEAD = {r'heads\.bottleneck\.1\..*': 'of a head with a convolution before its batch norm'}
CEIL_MODE = (
    'newer fast-reid pools after conv1 without padding (ceil_mode), torchvision and ContentEncoder '
    'with 1: a file of it has seen its maps shifted by two pixels'
)
SPCL = (r'base\.0\.weight', r'base\.7\.0\.conv1\.weight')  # base.3 is max pooling

LAYOUTS = (
    Layout(
        'GCL or JVTC, ResNet-50 with a linear layer',
        GCL,
        (r'conv1\.weight', r'feat\..*', r'feat_bn\..*'),
        networks.jvtc,
        left={r'classifier\..*': CLASSIFIER},
        refused=OTHER_RESNETS,
    ),
    Layout('GCL, generator', GCL, GENERATOR, networks.generator, left=ADAIN, refused=BLOCKS),
    Layout('GCL, discriminator', GCL, DISCRIMINATOR, networks.discriminator, refused=BLOCKS),
    Layout(
        'DG-Net, generator',
        DGNET,
        GENERATOR,
        networks.generator,
        left=ADAIN,
        refused=BLOCKS,
        note="DG-Net's E_p reads grey images (the mean of the normalised channels), not meshes, "
        'and its G stripes pooled by maximum (pool: max), which no E_c here gives',
    ),
    Layout('DG-Net, discriminator', DGNET, DISCRIMINATOR, networks.discriminator, refused=BLOCKS),
    Layout(
        'DG-Net, appearance encoder with two classifiers',
        ('', *DGNET),
        (r'model\.conv1\.weight', r'classifier[12]\.add_block\..*'),
        networks.dgnet,
        left={
            r'classifier[12]\..*': 'one of two linear layers, batch norms and classifiers on the '
            'pooled map; ContentEncoder has one',
            r'model\.fc\..*': "ImageNet's classifier, which DG-Net does not use",
        },
        refused=OTHER_RESNETS,
        note='DG-Net pools the map and its stripes by maximum (pool: max), ContentEncoder by mean',
    ),
    Layout(
        'fast-reid, ResNet-50 with generalised-mean pooling',
        ('',),
        (*FASTREID, r'heads\.pool_layer\.p'),
        networks.fastreid_trunk,
        left=FASTREID_LEFT
        | {
            r'heads\.pool_layer\.p': f'exponent of the pooling; {MEAN}',
            r'heads\.(bottleneck\.0|bnneck)\..*': f'batch norm after that pooling; {MEAN}',
        },
        refused=OTHER_RESNETS | CONV_HEAD,
        note=CEIL_MODE,
    ),
    Layout(
        'fast-reid, ResNet-50 baseline',
        ('',),
        FASTREID,
        networks.fastreid,
        left=FASTREID_LEFT | {r'heads\.bnneck\.num_batches_tracked': 'a second counter'},
        refused=OTHER_RESNETS | CONV_HEAD,
        note=CEIL_MODE,
    ),
    Layout(
        'cluster-contrast, ResNet-50 with generalised-mean pooling',
        GCL,
        (*SPCL, r'gap\.p'),
        networks.sequential_trunk,
        left={
            r'classifier\..*': CLASSIFIER,
            r'gap\.p': f'exponent of the pooling; {MEAN}',
            r'feat(_bn)?\..*': f'head after that pooling; {MEAN}',
        },
        refused=OTHER_RESNETS,
    ),
    Layout(
        'SpCL, ResNet-50 with batch norms of two domains',
        ('',),
        (*SPCL, r'base\.1\.BN_T\.weight'),
        networks.sequential,
        left={
            r'classifier\..*': CLASSIFIER,
            r'.*\.BN_S\..*': "batch norm of the source; the target's are taken, as SpCL evaluates",
        },
        omitted='.BN_T',
    ),
    Layout(
        'SpCL or cluster-contrast, ResNet-50',
        GCL,
        SPCL,
        networks.sequential,
        left={r'classifier\..*': CLASSIFIER},
        refused=OTHER_RESNETS,
        note=f'cluster-contrast with --pooling-type max or avg+max has the same names; {MEAN}',
    ),
    Layout(
        'MMT, ResNet-50',
        GCL,
        (r'base\.0\.weight', r'base\.3\.0\.conv1\.weight'),
        networks.sequential,
        refusal='base.3 is layer1, so there is no ReLU after the first batch norm: ContentEncoder '
        'has one and would compute something else',
    ),
    Layout(
        'torchreid, resnet50_fc512',
        ('',),
        (r'conv1\.weight', r'fc\.0\..*'),
        networks.torchreid_fc,
        left={r'classifier\..*': CLASSIFIER},
        refused=OTHER_RESNETS,
        note="torchreid's features are these embeddings after a ReLU",
    ),
    Layout(
        'torchreid, resnet50',
        ('',),
        (r'conv1\.weight', r'classifier\..*'),
        networks.torchreid,
        left={r'classifier\..*': CLASSIFIER},
        refused=OTHER_RESNETS,
    ),
    Layout(
        'torchvision, ResNet',
        ('',),
        (r'conv1\.weight', r'layer1\..*'),
        networks.torchreid,
        refusal='it needs no conversion: the key `weights` of ContentEncoder reads it as it is',
    ),
)
