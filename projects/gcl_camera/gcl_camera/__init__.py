"""CrossDomainGCL with camera styles: registers models, networks, the data set and its hook."""

from .background_bank import BackgroundBank
from .colour_transfer import CameraColourTransfer
from .head_crops import HeadCrops
from .mean_teacher import MeanTeacherHook, TeacherGCL
from .model import CameraGCL, PairsGCL
from .networks import CameraStridedDiscriminator, CameraStripeDecoder
from .positive_pairs import PositivePairs
from .proxies import ProxyGCL
from .translate_positives import TranslatePositivesHook
from .translators import OwnDomainTranslator, Untranslated, WithBackgrounds

__all__ = [
    'BackgroundBank',
    'CameraColourTransfer',
    'CameraGCL',
    'CameraStridedDiscriminator',
    'CameraStripeDecoder',
    'HeadCrops',
    'MeanTeacherHook',
    'OwnDomainTranslator',
    'PairsGCL',
    'PositivePairs',
    'ProxyGCL',
    'TeacherGCL',
    'TranslatePositivesHook',
    'Untranslated',
    'WithBackgrounds',
]
