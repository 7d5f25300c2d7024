"""CrossDomainGCL with a memory of pairs, and with the styles of cameras."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from torch import Tensor

from reidgen.models import CrossDomainGCL, MemoryUse, Phase
from reidgen.models.cross_domain_checks import other_domain
from reidgen.models.translations import Translations, pose_choice
from reidgen.registry import MODELS, with_options
from reidgen.structures import Code, DomainBatch

from . import checks
from .head_crops import HeadCrops
from .networks import CameraStructure


class Pair(NamedTuple):
    """Embeddings of images and of their positives, for the memory."""

    v: Tensor  # (B, D) of the image
    v_positive: Tensor  # (B, D) of its positive


@MODELS.register_module()
class PairsGCL(CrossDomainGCL):
    """CrossDomainGCL whose phase M contrasts positive pairs, without a generator in the graph.

    The positives are images that have been translated once, before the stage, by what G is by then
    (field `pairs`, data set PositivePairs), so the memory trains E_c at the cost of two forwards.
    Phase M of the base, on the images themselves, is the pair of second='same' here.
    """

    num_cameras = dict(source=0, target=0)  # whose styles it translates: none

    def phases(self) -> tuple[Phase, ...]:
        use = MemoryUse('bank', 'pairs', 'memory', lambda x: x.v)
        pairs = Phase('M', ('E_c',), self.pair_losses, self.embed_pairs, ('pairs',), memory=(use,))
        return tuple(pairs if phase.name == 'M' else phase for phase in super().phases())

    def embed_pairs(self, batch) -> Pair:
        # one call each: every batch norm sees one kind of picture
        return Pair(self.E_c(batch.pairs.img).embedding, self.E_c(batch.pairs.second).embedding)

    def pair_losses(self, batch, x: Pair) -> dict[str, Tensor]:
        index = batch.pairs.index
        loss = self.contrast(self.bank, x.v, x.v_positive, index, rng=self.rng)
        return {'memory.views': loss}


@MODELS.register_module()
class CameraGCL(PairsGCL):
    """PairsGCL that translates into the style of a camera, with discriminators of heads.

    G and F translate into the style of one camera of a domain, and the discriminators have an
    output for each: in training that of the batch-mate in the style's domain. Where decoders have
    `num_own_cameras`, the colours depend on the camera that took the picture, too.

    Args:
        head_crops: options of `HeadCrops`: the discriminators are given heads alone, for which the
            last channel of the pose maps must be dark off the body: a mesh or a silhouette. None:
            whole images.
        options: of CrossDomainGCL. G and F are CameraStripeDecoders, D_s and D_t
            CameraStridedDiscriminators.

    Raises:
        ValueError: a network knows no cameras, or their numbers do not fit.
    """

    def __init__(self, head_crops: dict | None = None, **options):
        super().__init__(**options)
        self.head_crops = None
        if head_crops is not None:
            self.head_crops = with_options(HeadCrops, head_crops, 'model.head_crops')
            self.crop_size = self.head_crops.size
        checks.check_networks(self)
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_cameras = dict(source=self.F.num_cameras, target=self.G.num_cameras)
        self.num_own_cameras = self.G.num_own_cameras
        checks.check_own_cameras(self)

    def encode_pose(self, images: DomainBatch, domain: str):
        code = super().encode_pose(images, domain)
        if not self.num_own_cameras:
            return code
        first = 0 if domain == 'source' else self.num_cameras['source']
        return CameraStructure(*code, first + images.camid)

    def decoder(self, domain: str, style: DomainBatch) -> Callable[[Tensor, Code], Tensor]:
        """(pose, code) -> (B, 3, H, W): G or F, in the styles of the cameras of a batch."""
        decode = self.G if domain == 'target' else self.F
        return lambda pose, code: decode(pose, code.content, style.camid)

    def adversarial_pairs(self, batch, x: Translations) -> Iterator[tuple]:
        """As the base's, cut out by the map that each image was generated from, with cameras."""
        s, t = batch.source, batch.target
        crop = self.head_crops or (lambda img, pose_map: img)
        map_of = dict(
            own=dict(Ds=t.pose_map, Dt=s.pose_map),
            other=dict(Ds=s.pose_map, Dt=t.pose_map),
            novel=dict(Ds=t.novel_map, Dt=s.novel_map),
        )[pose_choice(self.cross_pose, self.stage_name)]
        for name, D, real, fake in super().adversarial_pairs(batch, x):
            domain = s if D is self.D_s else t
            real = crop(real, domain.pose_map)
            # reconstructed and cycled images show the domain's own pose
            fake = crop(fake, map_of.get(name, domain.pose_map))
            yield name, partial(D, camera=domain.camid), real, fake

    def translate(
        self, batch: DomainBatch, to: str, style: int = 0, origin: str | None = None
    ) -> Tensor:
        """(B, 3, H, W): the batch in the style of `to`, 'source' or 'target'.

        Args:
            style: which camera of that domain, see `style_cameras`.
            origin: domain of the images, `to` for its own in the style of its other cameras; None:
                the other domain.
        """
        origin = origin or other_domain(to)
        checks.check_translated_cameras(self, batch.camid, origin)
        cameras = style_cameras(batch, style, self.num_cameras[to], origin == to)
        decode = self.decoder(to, batch._replace(camid=cameras))
        return decode(self.encode_pose(batch, origin), self.E_c(batch.img))

    def check_translation(self, dataset, images: str, to: str) -> None:
        checks.check_translated_domain(self, images, to)
        super().check_translation(dataset, images, to)

    def check_data(self, datasets, batch_sizes: dict[str, int], stages) -> None:
        super().check_data(datasets, batch_sizes, stages)
        for stage in stages:
            if stage.phases is None or {'D', 'G'} & set(stage.phases):
                checks.check_cameras(self, datasets, batch_sizes, stage)


def style_cameras(batch, style: int, num_cameras: int, own: bool = False) -> Tensor | None:
    """(B,) cameras, from 0, as which a batch is translated; None without cameras.

    Args:
        batch: with index (B,) and camid (B,).
        style: image i is translated as by camera i + style, counted round; with `own`, by the
            camera that comes 1 + style after the one that took it.
        own: the images are of the domain whose cameras these are.
    """
    if not num_cameras:
        return None
    first = batch.camid + 1 if own else batch.index
    return (first + style) % num_cameras
