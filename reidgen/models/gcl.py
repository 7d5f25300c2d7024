"""GCL in one domain: a generator of views beside a contrastive memory, without labels."""

from typing import NamedTuple

from torch import Tensor, nn

from reidgen.registry import LOSSES, MEMORIES, MODELS, build
from reidgen.structures import Code, DomainBatch

from . import gcl_checks as checks
from .adversarial import AdversarialModel
from .cycle import l1
from .layers.batch_norm import statistics_of
from .phases import MemoryUse, Phase


class Views(NamedTuple):
    """Images generated and encoded in an iteration."""

    c: Code  # E_c(x)
    x_recon: Tensor  # (B, 3, H, W) G(p, c) ~ x
    x_nv: Tensor  # G(p_nv, c): the person of x from another side
    c_recon: Code
    c_nv: Code
    x_cyc: Tensor  # G(p, c_nv) ~ x
    c_cyc: Code


class Pair(NamedTuple):
    """Embeddings of images and of their second views."""

    v: Tensor  # (B, D)
    v_second: Tensor  # (B, D)


@MODELS.register_module()
class GCL(AdversarialModel):
    """Joint generative and contrastive learning in one unlabelled domain (Chen et al., CVPR 2021).

        x, m -> (c, p)  G(p, c) = x_recon ~ x
        m_nv -> p_nv    G(p_nv, c) = x_nv --E_c--> c_nv    G(p, c_nv) = x_cyc ~ x

    G renders the person of x by the body mesh m, and from another side by the turned mesh m_nv; D
    is given all three images. The memory holds the training images under pseudo-labels: x_nv is a
    positive of x from another side, which no label teaches, and E_c learns from it.

    The batch has one field, `target`: phases D and G read it with pose maps of several views. Phase
    R, for a stage before them, is the reconstruction alone. Phase M is the same contrast without a
    generator: its second view is `second` of TwoViews, or, of a plain data set, the image again.

    Args:
        networks: D, G, E_p, E_c; optionally `mlp`, AdaIN heads beside a G with own_heads=False.
        gan_loss, contrast: configs of the criteria.
        bank: config of the FeatureBank over the training images.
        penalty: config of the GradientPenalty of D at real images, kind 'r1_dgnet' or 'r1';
            counted once for each of the three generated images, as in GCL's code. None with gp=0.
        content_on: images whose content is compared with that of x: 'recon', 'cyc', 'nv'.
        bn_mode: of E_c where it is trained, as in CrossDomainGCL.
    """

    loss_families = ('adv', 'gp', 'recon', 'cycle', 'content', 'memory')

    def __init__(
        self,
        networks: dict[str, dict],
        gan_loss: dict,
        contrast: dict,
        bank: dict,
        loss_weights: dict[str, float],
        penalty: dict | None = None,
        content_on: tuple[str, ...] = ('recon', 'cyc'),
        bn_mode: str = 'mixed',
    ):
        super().__init__(networks, loss_weights)
        self.gan, self.contrast = build(gan_loss, LOSSES), build(contrast, LOSSES)
        self.penalty = build(penalty, LOSSES) if penalty else None
        self.bank = build(dict(type='FeatureBank') | bank, MEMORIES)
        self.content_on, self.bn_mode = tuple(content_on), bn_mode
        self.check_phases()  # the options are compared with the networks
        self.map_channels = self.E_p.in_channels  # a distributed wrapper hides it
        checks.check_options(self)

    # ---- the algorithm ----

    def phases(self) -> tuple[Phase, ...]:
        both = (self.forward_views, ('target',))
        own = ('mlp',) if 'mlp' in self.network_names else ()
        memory = MemoryUse('bank', 'target', 'memory', lambda x: x.c.embedding)
        memory_m = MemoryUse('bank', 'target', 'memory', lambda x: x.v)
        return (
            Phase('D', ('D',), self.discriminator_losses, *both, detached=True),
            Phase('G', ('G', 'E_p', *own, 'E_c'), self.generator_losses, *both, memory=(memory,)),
            Phase('R', ('G', 'E_p', *own), self.reconstruction_losses, self.reconstruct,
                  ('target',)),
            Phase('M', ('E_c',), self.control_losses, self.embed_pair, ('target',),
                  memory=(memory_m,)),
        )  # fmt: skip

    def forward_views(self, batch) -> Views:
        t = batch.target
        p, p_nv = self.E_p(t.pose_map), self.E_p(t.novel_map)
        c = self._encode(t.img, real=True)
        x_recon, x_nv = self._decode(p, c), self._decode(p_nv, c)
        c_recon, c_nv = self._encode(x_recon), self._encode(x_nv)
        x_cyc = self._decode(p, c_nv)
        return Views(c, x_recon, x_nv, c_recon, c_nv, x_cyc, self._encode(x_cyc))

    def discriminator_losses(self, batch, x: Views) -> dict[str, Tensor]:
        real = batch.target.img
        losses: dict[str, Tensor] = {}
        for name, fake in generated(x).items():  # detached by the criterion
            losses |= self.gan.discriminator(name, self.D, real, fake, rng=self.rng)
        if self.on('gp'):
            assert self.penalty is not None, 'loss_weights.gp is weighed without model.penalty'
            losses |= self.penalty('x', self.D, real, x.x_nv, rng=self.rng)  # reads real alone
            losses['gp.x'] = len(generated(x)) * losses['gp.x']
        return losses

    def generator_losses(self, batch, x: Views) -> dict[str, Tensor]:
        t = batch.target
        losses = {
            f'adv.{name}': self.gan.generator(self.D, fake, real=t.img, rng=self.rng)
            for name, fake in generated(x).items()
        }
        losses |= {'recon.x': l1(x.x_recon, t.img), 'cycle.x': l1(x.x_cyc, t.img)}
        codes = dict(recon=x.c_recon, cyc=x.c_cyc, nv=x.c_nv)
        for name in self.content_on:
            losses[f'content.{name}'] = l1(codes[name].content, x.c.content.detach())
        if self.on('memory'):
            v, v_nv = x.c.embedding, x.c_nv.embedding
            losses['memory.nv'] = self.contrast(self.bank, v, v_nv, t.index, rng=self.rng)
        return losses

    def reconstruct(self, batch) -> Tensor:
        t = batch.target
        return self._decode(self.E_p(t.pose_map), self._encode(t.img, real=True))

    def reconstruction_losses(self, batch, x_recon: Tensor) -> dict[str, Tensor]:
        """The start of G: a fifth of an iteration, while there is nothing to discriminate."""
        return {'recon.x': l1(x_recon, batch.target.img)}

    def embed_pair(self, batch) -> Pair:
        t = batch.target
        v = self.E_c(t.img).embedding
        # one forward each: every batch norm sees one kind of picture, as beside the generator
        return Pair(v, self.E_c(t.second).embedding if hasattr(t, 'second') else v)

    def control_losses(self, batch, x: Pair) -> dict[str, Tensor]:
        """The control of G's memory: a second view that nobody generated."""
        index = batch.target.index
        return {'memory.m': self.contrast(self.bank, x.v, x.v_second, index, rng=self.rng)}

    # ---- evaluation and pictures ----

    def embed(self, img: Tensor) -> Tensor:
        return nn.functional.normalize(self.E_c(img).embedding.float())

    def translate(self, batch: DomainBatch, to: str, style: int = 0) -> Tensor:
        """(B, 3, H, W): 'recon', the batch by its own meshes; 'nv', by those of another view."""
        checks.check_view(to)
        pose_map = batch.pose_map if to == 'recon' else batch.novel_map
        return self._decode(self.E_p(pose_map), self.E_c(batch.img))

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        t, x = batch.target, self.forward_views(batch)
        maps = [('x', t.img), ('m', t.pose_map), ('x_recon', x.x_recon), ('m_nv', t.novel_map)]
        return [*maps, ('x_nv', x.x_nv), ('x_cyc', x.x_cyc)]

    def diversity_pairs(self, batch) -> dict[str, tuple[Tensor, Tensor]]:
        return {'nv': (self.translate(batch.target, 'nv'), batch.target.img)}

    check_data = checks.check_data
    check_translation = checks.check_translation

    def _encode(self, img: Tensor, real: bool = False) -> Code:
        with statistics_of(self.E_c, self.bn_mode, real):
            return self.E_c(img)

    def _decode(self, pose, code: Code) -> Tensor:
        shared = 'mlp' in self.network_names
        return self.G(pose, self.mlp(code.content) if shared else code.content)


def generated(x: Views) -> dict[str, Tensor]:
    """Images that D is given as generated, by name in the log."""
    return dict(recon=x.x_recon, nv=x.x_nv, cyc=x.x_cyc)
