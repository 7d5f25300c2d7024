"""Cross-domain GCL: two generator sets around one identity encoder."""

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from reidgen.registry import LOSSES, MEMORIES, MODELS, build
from reidgen.structures import Code, DomainBatch

from . import cross_domain_checks as checks
from .adversarial import AdversarialModel
from .cycle import l1
from .encoders.classifier import domain_losses
from .layers.batch_norm import statistics_of
from .phases import MemoryUse, Phase
from .translations import Translations, cross_poses, diversity_pairs, visuals


@MODELS.register_module()
class CrossDomainGCL(AdversarialModel):
    """Joint generative and contrastive learning between two domains.

        x_s, m_s -> (c_s, p_s) --G--> x_s2t --E_c--> c_s2t --F(p_s, .)--> x_s2t2s ~ x_s
        x_t, m_t -> (c_t, p_t) --F--> x_t2s --E_c--> c_t2s --G(p_t, .)--> x_t2s2t ~ x_t
        x_s2s = F(p_s, c_s) ~ x_s        x_t2t = G(p_t, c_t) ~ x_t

    G generates target style against D_t, F source style against D_s. The memory holds the source
    images: x_s2t is a positive of x_s, in target style, and adapts E_c. GCL (Chen et al., CVPR
    2021) with the two domains of MUNIT (Huang et al., ECCV 2018) and WGAN-GP's penalty.

    Args:
        networks: D_s, D_t, G, F, E_p, E_c, C (of phase I); optionally `mlp`, AdaIN heads that two
            decoders with `own_heads=False` share, and `domain_head`, a DomainClassifier.
        gan_loss, penalty, contrast: configs of the criteria; `penalty=None` with weight gp=0.
        bank, bank_t: configs of the FeatureBanks over source and, for T, target training images.
        cross_pose: pose of x_s2t and x_t2s, or a dict by stage name: 'own', of the image itself;
            'novel', its body at another view; 'other', of a batch-mate of the other domain.
        bn_mode: of E_c in phases D and G, whose running statistics follow: 'mixed', all images;
            'real_only'; 'frozen', none; 'target_recalib', all, and target images before a test.
        adv_on: images the discriminators are given: 'cross', 'recon' (x_t2t, x_s2s), 'cycle'.
        content_detach: content losses move E_c(x_s2t) alone, not the E_c(x_s) it is compared with.
    """

    default_weights = dict(cluster=1.0, memory_t=0.0, domain=0.0)
    loss_families = ('adv', 'gp', 'recon', 'cycle', 'content', 'memory', 'identity', 'triplet')
    loss_families += tuple(default_weights)
    crop_size: int | None = None  # side of what the discriminators are given; None: whole images

    def __init__(
        self,
        networks: dict[str, dict],
        gan_loss: dict,
        contrast: dict,
        bank: dict,
        loss_weights: dict[str, float],
        penalty: dict | None = None,
        bank_t: dict | None = None,
        cross_pose: str | dict[str, str] = 'own',
        bn_mode: str = 'mixed',
        adv_on: tuple[str, ...] = ('cross',),
        content_detach: bool = True,
    ):
        super().__init__(checks.complete(networks), loss_weights)
        self.gan, self.contrast = build(gan_loss, LOSSES), build(contrast, LOSSES)
        self.penalty = build(penalty, LOSSES) if penalty else None
        self.cross_entropy = build(dict(type='LabelSmoothCrossEntropy'), LOSSES)
        self.triplet = build(dict(type='BatchHardTriplet'), LOSSES)
        self.cluster_contrast = build(dict(type='CentroidContrast'), LOSSES)
        self.bank = build(dict(type='FeatureBank') | bank, MEMORIES)
        self.bank_t = build(dict(type='FeatureBank') | bank_t, MEMORIES) if bank_t else None
        self.cross_pose, self.bn_mode = cross_pose, bn_mode
        self.adv_on, self.content_detach = tuple(adv_on), content_detach
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_identities, self.map_channels = self.C.num_identities, self.E_p.in_channels
        checks.check_options(self)

    # ---- the algorithm ----

    def phases(self) -> tuple[Phase, ...]:
        both = (self.forward_translation, ('source', 'target'))
        own = tuple(name for name in ('mlp', 'domain_head') if name in self.network_names)
        memory = MemoryUse('bank', 'source', 'memory', lambda x: x.c_s.embedding)
        memory_t = MemoryUse('bank_t', 'target', 'memory_t', lambda x: x.c_t.embedding)
        return (
            Phase('I', ('E_c', 'C'), self.identity_losses, reads=('identity',)),
            Phase('D', ('D_s', 'D_t'), self.discriminator_losses, *both, detached=True),
            Phase('G', ('G', 'F', 'E_p', 'E_c', *own), self.generator_losses, *both,
                  memory=(memory, memory_t)),
            Phase('M', ('E_c',), self.control_losses, self.embed_source, reads=('source',),
                  memory=(MemoryUse('bank', 'source', 'memory', lambda x: x),)),
            Phase('T', ('E_c',), self.cluster_losses, self.embed_clusters, reads=('clusters',),
                  memory=(MemoryUse('bank_t', 'clusters', 'cluster', lambda x: x),)),
        )  # fmt: skip

    def forward_translation(self, batch) -> Translations:
        s, t = batch.source, batch.target
        c_s, c_t = self._encode(s.img, real=True), self._encode(t.img, real=True)
        p_s, p_t = self.encode_pose(s, 'source'), self.encode_pose(t, 'target')
        pi_s, pi_t = cross_poses(self, batch, p_s, p_t)
        G, F = self.decoder('target', t), self.decoder('source', s)
        x_s2s, x_t2t = F(p_s, c_s), G(p_t, c_t)
        x_s2t, x_t2s = G(pi_s, c_s), F(pi_t, c_t)
        c_s2t, c_t2s = self._encode(x_s2t), self._encode(x_t2s)
        x_s2t2s, x_t2s2t = F(p_s, c_s2t), G(p_t, c_t2s)
        c_s2t2s, c_t2s2t = self._encode(x_s2t2s), self._encode(x_t2s2t)
        return Translations(
            c_s, c_t, x_s2s, x_t2t, x_s2t, x_t2s, c_s2t, c_t2s, x_s2t2s, x_t2s2t, c_s2t2s, c_t2s2t
        )

    def identity_losses(self, batch, x: None) -> dict[str, Tensor]:
        """Stage 1: triplet before, classes after batch norm (BNNeck, Luo et al., CVPRW 2019)."""
        s = batch.identity
        code = self.E_c(s.img)
        classes = self.cross_entropy(self.C(code.embedding), s.pid)
        return {'identity.s': classes, 'triplet.s': self.triplet(code.pre_bn, s.pid)}

    def discriminator_losses(self, batch, x: Translations) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        for name, D, real, fake in self.adversarial_pairs(batch, x):  # both detach the fake
            losses |= self.gan.discriminator(name, D, real, fake, rng=self.rng)
            if self.on('gp'):
                assert self.penalty is not None, 'loss_weights.gp is weighed without model.penalty'
                losses |= self.penalty(name, D, real, fake, rng=self.rng)
        return losses

    def generator_losses(self, batch, x: Translations) -> dict[str, Tensor]:
        s, t = batch.source, batch.target
        losses = {}
        for name, D, real, fake in self.adversarial_pairs(batch, x):
            losses[f'adv.{name}'] = self.gan.generator(D, fake, real=real, rng=self.rng)
        losses |= {
            'recon.t2t': l1(x.x_t2t, t.img),
            'recon.s2s': l1(x.x_s2s, s.img),
            'cycle.t2s2t': l1(x.x_t2s2t, t.img),
            'cycle.s2t2s': l1(x.x_s2t2s, s.img),
            'content.s2t': self._content(x.c_s2t, x.c_s),
            'content.t2s': self._content(x.c_t2s, x.c_t),
            'content.t2s2t': self._content(x.c_t2s2t, x.c_t),
            'content.s2t2s': self._content(x.c_s2t2s, x.c_s),
        }
        v_s, v_t, v_s2t, v_t2s = (c.embedding for c in (x.c_s, x.c_t, x.c_s2t, x.c_t2s))
        if self.on('memory'):
            losses['memory.s2t'] = self.contrast(self.bank, v_s, v_s2t, s.index, rng=self.rng)
        if self.on('memory_t'):
            losses['memory_t.t2s'] = self.contrast(self.bank_t, v_t, v_t2s, t.index, rng=self.rng)
        return losses | (domain_losses(self.domain_head, v_s, v_t) if self.on('domain') else {})

    def embed_source(self, batch) -> Tensor:
        return self.E_c(batch.source.img).embedding

    def control_losses(self, batch, x: Tensor) -> dict[str, Tensor]:
        """The control of G's memory: the image itself instead of its translation."""
        return {'memory.s': self.contrast(self.bank, x, x, batch.source.index, rng=self.rng)}

    def embed_clusters(self, batch) -> Tensor:
        return self.E_c(batch.clusters.img).embedding

    def cluster_losses(self, batch, x: Tensor) -> dict[str, Tensor]:
        return {'cluster.t': self.cluster_contrast(self.bank_t, x, batch.clusters.index)}

    # ---- seams: what a variant of the method overrides, beside `phases` ----

    def encode_pose(self, images: DomainBatch, domain: str):
        """Pose code of images of a domain."""
        return self.E_p(images.pose_map)

    def decoder(self, domain: str, style: DomainBatch) -> Callable[[Tensor, Code], Tensor]:
        """(pose, code) -> (B, 3, H, W): G for 'target', F for 'source', in the style of a batch."""
        decode, shared = (self.G if domain == 'target' else self.F), 'mlp' in self.network_names
        return lambda pose, code: decode(pose, self.mlp(code.content) if shared else code.content)

    def adversarial_pairs(self, batch, x: Translations) -> Iterator[tuple]:
        """(name in the log, discriminator, real images, fake images), as `adv_on` says."""
        x_s, x_t = batch.source.img, batch.target.img
        for key, suffix, fake_s, fake_t in (
            ('cross', '', x.x_t2s, x.x_s2t),
            ('recon', '_recon', x.x_s2s, x.x_t2t),
            ('cycle', '_cycle', x.x_s2t2s, x.x_t2s2t),
        ):
            if key in self.adv_on:
                yield f'Ds{suffix}', self.D_s, x_s, fake_s
                yield f'Dt{suffix}', self.D_t, x_t, fake_t

    def embed(self, img: Tensor) -> Tensor:
        return nn.functional.normalize(self.E_c(img).embedding.float())

    def translate(self, batch: DomainBatch, to: str, style: int = 0) -> Tensor:
        """(B, 3, H, W): the batch in the style of `to`, 'source' or 'target'."""
        pose = self.encode_pose(batch, checks.other_domain(to))
        return self.decoder(to, batch)(pose, self.E_c(batch.img))

    visuals, diversity_pairs = visuals, diversity_pairs
    check_data, check_translation = checks.check_data, checks.check_translation

    def _encode(self, img: Tensor, real: bool = False) -> Code:
        with statistics_of(self.E_c, self.bn_mode, real):
            return self.E_c(img)

    def _content(self, code: Code, target: Code) -> Tensor:
        return l1(code.content, target.content.detach() if self.content_detach else target.content)
