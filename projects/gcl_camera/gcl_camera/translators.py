"""Translators beside the model's own: untranslated, blurred, and before other backgrounds.

A third, the colours of the target in closed form, is `CameraColourTransfer`.
"""

import math

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.engine.translation import ModelTranslator, Translator

from .background_bank import BackgroundBank
from .model import CameraGCL, style_cameras


class OwnDomainTranslator(ModelTranslator):
    """A CameraGCL as a Translator of a domain's images into the style of its other cameras."""

    def __init__(self, model: CameraGCL, domain: str):
        super().__init__(model, domain)
        self.stamp = dict(name='own_domain', to=domain)

    def translated(self, raw, style: int) -> Tensor:
        batch = self.model.data_preprocessor(raw)
        return self.model.translate(batch, self.to, style, origin=self.to)


class Untranslated:
    """The images as they are."""

    stamp = dict(name='none')

    def __call__(self, raw, style: int) -> Tensor:
        return raw.img.permute(0, 2, 3, 1)


class Blurred:
    """Translated images under a Gaussian.

    Args:
        translator: of the images.
        deviation: standard deviation in pixels, above 0.
    """

    def __init__(self, translator: Translator, deviation: float):
        self.translator, self.deviation = translator, deviation
        self.stamp = dict(**translator.stamp, blur=deviation)

    def __call__(self, raw, style: int) -> Tensor:
        pictures = self.translator(raw, style).permute(0, 3, 1, 2)
        size = 2 * math.ceil(3 * self.deviation) + 1
        return vision.gaussian_blur(pictures, [size, size], [self.deviation]).permute(0, 2, 3, 1)


class WithBackgrounds:
    """Translated persons, in front of backgrounds of the style's camera.

    Args:
        translator: of the persons.
        bank: of the backgrounds; the data set that is translated needs a pose map like its own.
        num_cameras: person i stands in front of a background of camera i + style, counted round; 0:
            of any camera.
    """

    def __init__(self, translator: Translator, bank: BackgroundBank, num_cameras: int = 0):
        self.translator, self.bank, self.num_cameras = translator, bank, num_cameras
        self.stamp = dict(**translator.stamp, backgrounds=dict(bank.stamp, num_cameras=num_cameras))

    @torch.no_grad()
    def __call__(self, raw, style: int) -> Tensor:
        cameras = style_cameras(raw, style, self.num_cameras)
        pictures = self.translator(raw, style)
        return self.bank.behind(pictures, raw.pose_map, raw.index, cameras, style)
