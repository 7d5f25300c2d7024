"""Cross-domain GCL: two generator sets around one identity encoder."""

from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from reidgen.registry import LOSSES, MEMORIES, MODELS, build, with_options
from reidgen.structures import Code, DomainBatch

from . import cross_domain_checks as checks
from .adversarial import AdversarialModel, Phase
from .cycle import l1
from .judged import HeadCrops, judged
from .layers.batch_norm import batch_norms, untracked_statistics
from .translations import Pair, Translations

DOMAINS = ('source', 'target')  # loaders


@MODELS.register_module()
class CrossDomainGCL(AdversarialModel):
    """Joint generative and contrastive learning between two domains.

        x_s, m_s -> (c_s, p_s) --G--> x_s2t --E_c--> c_s2t --F(p_s, .)--> x_s2t2s ~ x_s
        x_t, m_t -> (c_t, p_t) --F--> x_t2s --E_c--> c_t2s --G(p_t, .)--> x_t2s2t ~ x_t
        x_s2s = F(p_s, c_s) ~ x_s        x_t2t = G(p_t, c_t) ~ x_t

    G generates target style and D_t judges it; F generates source style and D_s judges it. E_c and
    E_p serve both domains. Memory holds the source images: x_s2t is a positive of x_s in target
    style, which is what carries E_c to the target. Extends GCL (Chen et al., CVPR 2021) to two
    generators, with MUNIT's two-domain scheme (Huang et al., ECCV 2018) and the penalty of WGAN-GP
    (Gulrajani et al., NeurIPS 2017).

    Two more phases train E_c alone, without a generator in the graph: 'M' on pairs of views of the
    source images (field `views`), among them what G has translated once and for all, and 'T' on the
    target's pseudo-labels (field `clusters`), which PseudoLabelHook keeps in `bank_t`.

    Args:
        networks: D_s, D_t, G, F, E_p, E_c, C (classifier of stage 1), and optionally `mlp`, AdaIN
            heads that two decoders with `own_heads=False` share.
        gan_loss, penalty, contrast: configs of the criteria; `penalty=None` with weight gp=0.
        bank: config of the FeatureBank over the source training images.
        bank_t: the same over the target images, for direction t2s and phase T.
        cluster_contrast: config of the loss of phase T.
        memory_directions: which translations are contrasted: s2t, t2s or both.
        cross_pose: pose of x_s2t and x_t2s, one value or a dict by stage name. 'own': of the image
            itself; 'novel': its body at a random other view; 'other': of a batch-mate of the other
            domain.
        bn_mode: batch norm of a trained E_c: 'mixed' (real and translated update the statistics),
            'real_only' (translated images use batch statistics and leave no trace), 'frozen'
            (eval), 'target_recalib' (mixed; re-estimated on target training images before each
            evaluation).
        camera_styles: G and F translate, and the discriminators judge, in the style of a camera:
            that of the batch-mate in the style's domain. Needs decoders and discriminators with
            `num_cameras`.
        judge_heads: options of `HeadCrops`: the discriminators see heads alone, for which the last
            channel of the pose maps must be dark off the body: a mesh or a silhouette. None: whole
            images.
        adv_on: which images the discriminators judge: 'cross', 'recon' (x_t2t, x_s2s), 'cycle'.
        content_detach: targets of the content losses are constants, else stage 3 could shrink the
            loss by moving E_c(x_s) itself.
    """

    phases = (
        Phase('I', ('E_c', 'C'), 'identity_losses', shared=False, reads=('identity',)),
        Phase('D', ('D_s', 'D_t'), 'discriminator_losses', reads=DOMAINS, detached=True),
        Phase('G', ('G', 'F', 'E_p', 'E_c'), 'generator_losses', reads=DOMAINS),
        Phase('M', ('E_c',), 'view_losses', reads=('views',), forward='embed_views'),
        Phase('T', ('E_c',), 'cluster_losses', reads=('clusters',), forward='embed_clusters'),
    )
    loss_families = (
        *('adv', 'gp', 'recon', 'cycle', 'content'),
        *('memory', 'cluster', 'identity', 'triplet'),
    )

    def __init__(
        self,
        networks: dict[str, dict],
        gan_loss: dict,
        contrast: dict,
        bank: dict,
        loss_weights: dict[str, float],
        penalty: dict | None = None,
        bank_t: dict | None = None,
        memory_directions: tuple[str, ...] = ('s2t',),
        cross_pose: str | dict[str, str] = 'own',
        bn_mode: str = 'mixed',
        adv_on: tuple[str, ...] = ('cross',),
        content_detach: bool = True,
        camera_styles: bool = False,
        judge_heads: dict | None = None,
        cross_entropy: dict | None = None,
        triplet: dict | None = None,
        cluster_contrast: dict | None = None,
        data_preprocessor: dict | None = None,
    ):
        if 'mlp' in networks:
            self.phases = tuple(
                replace(phase, trains=(*phase.trains, 'mlp')) if phase.name == 'G' else phase
                for phase in self.phases
            )
        # 1 unless it is said: phase T, which few stages run, has no other term
        super().__init__(networks, dict(cluster=1.0) | loss_weights, data_preprocessor)
        self.gan, self.contrast = build(gan_loss, LOSSES), build(contrast, LOSSES)
        self.penalty = build(penalty, LOSSES) if penalty else None
        self.cross_entropy = build(cross_entropy or dict(type='LabelSmoothCrossEntropy'), LOSSES)
        self.triplet = build(triplet or dict(type='BatchHardTriplet'), LOSSES)
        self.cluster_contrast = build(cluster_contrast or dict(type='CentroidContrast'), LOSSES)
        self.bank = build(dict(type='FeatureBank') | bank, MEMORIES)
        self.bank_t = build(dict(type='FeatureBank') | bank_t, MEMORIES) if bank_t else None
        self.memory_directions, self.adv_on = tuple(memory_directions), tuple(adv_on)
        self.cross_pose, self.bn_mode, self.content_detach = cross_pose, bn_mode, content_detach
        self.camera_styles = camera_styles
        self.discriminators_see = None
        if judge_heads is not None:
            self.discriminators_see = with_options(HeadCrops, judge_heads, 'model.judge_heads')
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_identities, self.map_channels = self.C.num_identities, self.E_p.in_channels
        self.num_styles = {
            to: getattr(decoder, 'num_cameras', 0)
            for to, decoder in (('target', self.G), ('source', self.F))
        }
        self.num_own_cameras = getattr(self.G, 'num_own_cameras', 0)
        checks.check_options(self)

    # ---- the algorithm ----

    def forward_translation(self, batch) -> Translations:
        s, t = batch.source, batch.target
        c_s, c_t = self.E_c(s.img), self.E_c(t.img)
        p_s, p_t = self._structure(s, 'source'), self._structure(t, 'target')
        pi_s, pi_t = self._cross_poses(s, t, p_s, p_t)
        G, F = partial(self._paint, self.G, t.camid), partial(self._paint, self.F, s.camid)
        x_s2s, x_t2t = F(p_s, c_s), G(p_t, c_t)
        x_s2t, x_t2s = G(pi_s, c_s), F(pi_t, c_t)
        c_s2t, c_t2s = self._encode_translated(x_s2t), self._encode_translated(x_t2s)
        x_s2t2s, x_t2s2t = F(p_s, c_s2t), G(p_t, c_t2s)
        c_s2t2s, c_t2s2t = self._encode_translated(x_s2t2s), self._encode_translated(x_t2s2t)
        return Translations(
            c_s, c_t, x_s2s, x_t2t, x_s2t, x_t2s, c_s2t, c_t2s, x_s2t2s, x_t2s2t, c_s2t2s, c_t2s2t
        )

    def identity_losses(self, batch, x: None) -> dict[str, Tensor]:
        """Stage 1: triplet before, classes after batch norm (BNNeck, Luo et al., CVPRW 2019)."""
        s = batch.identity
        code = self.E_c(s.img)
        return {
            'identity.s': self.cross_entropy(self.C(code.embedding), s.pid),
            'triplet.s': self.triplet(code.pre_bn, s.pid),
        }

    def discriminator_losses(self, batch, x: Translations) -> dict[str, Tensor]:
        losses = {}
        for name, discriminator, real, translated in judged(self, batch, x):
            # both detach what is translated
            losses |= self.gan.discriminator(name, discriminator, real, translated, self.rng)
            if self.on('gp'):
                losses |= self.penalty(name, discriminator, real, translated, self.rng)
        return losses

    def generator_losses(self, batch, x: Translations) -> dict[str, Tensor]:
        s, t = batch.source, batch.target
        losses = {
            f'adv.{name}': self.gan.generator(discriminator, translated, self.rng, real=real)
            for name, discriminator, real, translated in judged(self, batch, x)
        }
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
        if self.on('memory') and 's2t' in self.memory_directions:
            losses['memory.s2t'] = self.contrast(
                self.bank, x.c_s.embedding, x.c_s2t.embedding, s.index, self.rng
            )
        if self.on('memory') and 't2s' in self.memory_directions:
            losses['memory.t2s'] = self.contrast(
                self.bank_t, x.c_t.embedding, x.c_t2s.embedding, t.index, self.rng
            )
        return losses

    def embed_views(self, batch) -> Pair:
        # one call each: every batch norm sees one kind of picture
        return Pair(self.E_c(batch.views.img).embedding, self.E_c(batch.views.view).embedding)

    def view_losses(self, batch, x: Pair) -> dict[str, Tensor]:
        index = batch.views.index
        return {'memory.views': self.contrast(self.bank, x.v, x.v_view, index, self.rng)}

    def embed_clusters(self, batch) -> Tensor:
        return self.E_c(batch.clusters.img).embedding

    def cluster_losses(self, batch, x: Tensor) -> dict[str, Tensor]:
        return {'cluster.t': self.cluster_contrast(self.bank_t, x, batch.clusters.index)}

    def active_banks(self) -> dict[str, str]:
        running = {phase.name for phase in self.stage_phases}
        used = {}
        if 'G' in running and self.on('memory'):
            fields = dict(s2t=('bank', 'source'), t2s=('bank_t', 'target'))
            used |= dict(fields[direction] for direction in self.memory_directions)
        if 'M' in running:
            used['bank'] = 'views'
        if 'T' in running:
            used['bank_t'] = 'clusters'
        return used

    def update_memory(self, batch, x: Translations | Pair | Tensor | None, logs) -> None:
        for bank, field in self.active_banks().items():
            if isinstance(x, Translations):
                embedding = (x.c_s if field == 'source' else x.c_t).embedding
            else:
                embedding = x.v if isinstance(x, Pair) else x
            getattr(self, bank).update(getattr(batch, field).index, embedding.detach())

    # ---- using it ----

    def embed(self, img: Tensor) -> Tensor:
        return nn.functional.normalize(self.E_c(img).embedding.float())

    def translate(self, batch: DomainBatch, to: str, style: int = 0) -> Tensor:
        """(B, 3, H, W): content and pose of the batch in the style of `to`, 'source' or 'target'.

        Args:
            style: with `camera_styles`, image i is translated as by camera i + style, counted
                round.
        """
        if to not in DOMAINS:
            raise ValueError(f"to must be 'source' or 'target'; got '{to}'")
        checks.check_translated_cameras(self, batch.camid, 'source' if to == 'target' else 'target')
        decoder, camid = self.G if to == 'target' else self.F, self.style_cameras(batch, to, style)
        domain = 'source' if to == 'target' else 'target'
        return self._paint(decoder, camid, self._structure(batch, domain), self.E_c(batch.img))

    def style_cameras(self, batch, to: str, style: int = 0) -> Tensor | None:
        return (batch.index + style) % self.num_styles[to] if self.camera_styles else None

    def visuals(self, batch) -> list[tuple[str, Tensor]]:
        s, t = batch.source, batch.target
        x = self.forward_translation(batch)
        return [
            ('x_s', s.img),
            ('m_s', s.pose_map),
            ('x_s2s', x.x_s2s),
            ('x_s2t', x.x_s2t),
            ('x_s2t2s', x.x_s2t2s),
            ('x_t', t.img),
            ('m_t', t.pose_map),
            ('x_t2t', x.x_t2t),
            ('x_t2s', x.x_t2s),
            ('x_t2s2t', x.x_t2s2t),
        ]

    def train(self, mode: bool = True) -> 'CrossDomainGCL':
        super().train(mode)
        adversarial = (
            getattr(self, 'stage_phases', ()) and self.forward_name == 'forward_translation'
        )
        if mode and adversarial and getattr(self, 'bn_mode', None) == 'frozen':
            for layer in batch_norms(self.E_c):
                layer.eval()
        return self

    # ---- parts ----

    def _paint(self, decoder: nn.Module, camid: Tensor | None, pose: Tensor, code: Code) -> Tensor:
        content = self.mlp(code.content) if 'mlp' in self.network_names else code.content
        return decoder(pose, content, camid) if self.camera_styles else decoder(pose, content)

    def _encode_translated(self, img: Tensor) -> Code:
        if self.bn_mode != 'real_only' or not self.E_c.training:
            return self.E_c(img)
        with untracked_statistics(self.E_c):
            return self.E_c(img)

    def _content(self, code: Code, target: Code) -> Tensor:
        return l1(code.content, target.content.detach() if self.content_detach else target.content)

    def _structure(self, batch: DomainBatch, domain: str):
        """E_p of the own pose; to decoders that ask, it says which camera took the picture."""
        code = self.E_p(batch.pose_map)
        if not self.num_own_cameras:
            return code
        first = 0 if domain == 'source' else self.num_styles['source']
        return code._replace(camera=first + batch.camid)

    def _cross_poses(self, s: DomainBatch, t: DomainBatch, p_s, p_t):
        choice = self.cross_pose_of(self.stage_name)
        if choice == 'own':
            return p_s, p_t
        return (p_t, p_s) if choice == 'other' else (self.E_p(s.novel_map), self.E_p(t.novel_map))

    def cross_pose_of(self, stage: str | None) -> str:
        """'own', 'novel' or 'other': whose pose x_s2t and x_t2s have in this stage."""
        if isinstance(self.cross_pose, str):
            return self.cross_pose
        return self.cross_pose.get(stage, 'own')

    def check_translation(self, dataset, images: str, to: str) -> None:
        checks.check_translated_domain(self, images, to)
        checks.check_maps(self, dataset, images, novel=False)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        checks.check_data(self, datasets, batch_sizes, stages)
