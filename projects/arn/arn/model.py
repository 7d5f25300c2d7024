"""ARN: features of two domains, split into a shared and a private part."""

from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models import AdversarialModel, Phase
from reidgen.models.data_checks import check_identities, check_image_sizes, image_size
from reidgen.registry import LOSSES, MODELS, build

from .checks import check_map_sizes, check_needs, check_widths
from .networks import STRIDES

# domain -> its private encoder
PRIVATE = dict(source='E_S', target='E_T')
ACROSS = ('recon', 'diff', 'mmd')  # families that read the target


class Parts(NamedTuple):
    """A batch of one domain, encoded."""

    X: Tensor  # (B, C, h, w) map of E_I
    shared: Tensor  # (B, D, h', w') of E_C
    private: Tensor | None  # (B, D, h', w') of E_S or E_T; None where the model has neither


class Domains(NamedTuple):
    """Both domains of an iteration."""

    s: Parts
    t: Parts | None  # None where no weighed loss reads the target


@MODELS.register_module()
class ARN(AdversarialModel):
    """Adaptation and re-identification network (Li et al., CVPR Workshops 2018, arXiv 1804.09347).

        x_s -> E_I -> X_s -> E_C -> e_c --> C_S                   identity, contrast
                          `-> E_S -> e_p    e_c + e_p -> D_C -> ~ X_s            recon.s
        x_t -> E_I -> X_t -> E_C -> e_c     e_c + e_p -> D_C -> ~ X_t            recon.t
                          `-> E_T -> e_p    H_c^T H_p ~ 0 in each domain         diff

    Retrieval is by e_c. Source labels make it discriminative; the reconstruction makes both
    parts together hold the map; the difference loss keeps them apart. Target labels are not read.
    Domains pass the networks one after the other, so batch norm keeps them apart.

    What is restored is what D_C makes: the map X (MapDecoder, the paper) or the image
    (ImageDecoder, the authors' code). X is a constant as the target of its reconstruction: else E_I
    could lower the loss by smaller maps.

    Args:
        networks: E_I, E_C; C_S for `identity`, D_C for `recon`, E_T and E_S for `diff`. Without
            E_T and E_S the shared part alone is decoded.
        loss_weights: of identity (1), contrast (alpha, 0.01), recon (beta, 2), diff (gamma,
            1500), in brackets the published ones, and mmd between the domains' shared parts,
            0 by default.
        contrast, recon, diff, mmd: configs of the criteria; ContrastiveLoss with margin 1, the
            mean squared difference, DifferenceLoss and MMD by default.
        data_preprocessor: as AdversarialModel; an ImageDecoder needs images in [-1, 1].

    Raises:
        ValueError: a network that a weighed loss needs is missing, or networks do not fit each
            other.
    """

    loss_families = ('identity', 'contrast', 'recon', 'diff', 'mmd')
    default_weights = dict(mmd=0.0)
    encoder_name = 'E_I'

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        contrast: dict | None = None,
        recon: dict | None = None,
        diff: dict | None = None,
        mmd: dict | None = None,
        data_preprocessor: dict | None = None,
    ):
        super().__init__(networks, loss_weights, data_preprocessor)
        check_needs(networks, self.loss_weights, 'model')
        check_widths(self)
        self.cross_entropy = build(
            dict(epsilon=0.0), LOSSES, 'model.cross_entropy', 'LabelSmoothCrossEntropy'
        )
        self.contrast = build(contrast or {}, LOSSES, 'model.contrast', 'ContrastiveLoss')
        self.recon = build(recon or {}, LOSSES, 'model.recon', 'ReconstructionLoss')
        self.diff = build(diff or {}, LOSSES, 'model.diff', 'DifferenceLoss')
        self.mmd = build(mmd or {}, LOSSES, 'model.mmd', 'MMD')
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_identities = self.C_S.num_identities if 'C_S' in networks else None
        self.restores = self.D_C.restores if 'D_C' in networks else None
        self.map_sizes = {
            name: size for name in networks if (size := getattr(getattr(self, name), 'map_size', 0))
        }

    # ---- training ----

    def phases(self) -> tuple[Phase, ...]:
        reads = ('source', 'target') if self._reads_target else ('source',)
        idle = {'C_S'} if not self.on('identity') else set()
        idle |= {'D_C'} if not self.on('recon') else set()
        idle |= {'E_T', 'E_S'} if not self._splits else set()
        trains = tuple(name for name in self.network_names if name not in idle)
        return (Phase('A', trains, self.losses, self.encode_domains, reads),)

    @property
    def _splits(self) -> bool:
        return self.on('recon') or self.on('diff')

    @property
    def _reads_target(self) -> bool:
        return any(self.on(family) for family in ACROSS)

    def encode_domains(self, batch) -> Domains:
        s = self._encode(batch.source.img, 'source')
        return Domains(s, self._encode(batch.target.img, 'target') if self._reads_target else None)

    def _encode(self, img: Tensor, domain: str) -> Parts:
        X, private = self.E_I(img), PRIVATE[domain]
        known = private in self.network_names and self._splits
        return Parts(X, self.E_C(X), getattr(self, private)(X) if known else None)

    def losses(self, batch, x: Domains) -> dict[str, Tensor]:
        """Terms of the weighed families: labels of the source, then both domains."""
        losses, pid = {}, batch.source.pid
        e_c = feature(x.s.shared)
        if self.on('identity'):
            logits = self.C_S(e_c)
            losses['identity.s'] = self.cross_entropy(logits, pid)
            losses['stat.accuracy'] = (logits.argmax(1) == pid).float().mean()
        if self.on('contrast'):
            losses['contrast.s'] = self.contrast(e_c, pid)
        if x.t is None:
            return losses
        for name, domain, parts in (('s', 'source', x.s), ('t', 'target', x.t)):
            if self.on('recon'):
                target = parts.X.detach() if self.restores == 'map' else getattr(batch, domain).img
                losses[f'recon.{name}'] = self.recon(self.reconstruct(parts), target)
            if self.on('diff'):
                losses[f'diff.{name}'] = self.diff(feature(parts.shared), feature(parts.private))
        if self.on('mmd'):
            losses['mmd.st'] = self.mmd(e_c, feature(x.t.shared))
        return losses

    def reconstruct(self, parts: Parts) -> Tensor:
        """Map (B, C, h, w) or image (B, 3, H, W) of the sum of both parts."""
        known = parts.private is not None
        return self.D_C(parts.shared + parts.private if known else parts.shared)

    # ---- evaluation ----

    @property
    def evaluated(self) -> tuple[str, ...]:
        return ('E_I', 'E_C')

    @property
    def retrieval_encoder(self) -> nn.Module:
        return nn.Sequential(self.E_I, self.E_C)

    def embed(self, img: Tensor) -> Tensor:
        return nnf.normalize(feature(self.E_C(self.E_I(img))).float())

    # ---- checks ----

    def check_data(self, datasets, batch_sizes, stages) -> None:
        for stage in stages:
            weights = self.loss_weights | stage.loss_weights
            check_needs(self.network_names, weights, f'stage {stage.name}')
        if self.num_identities is not None:
            check_identities(self, datasets, stages, ('source',), classifier='C_S')
        loaders = dict.fromkeys(
            loader
            for stage in stages
            for field, loader in stage.fields(tuple(datasets)).items()
            if field in PRIVATE
        )
        multiple = 2**STRIDES if self.restores == 'image' else 1
        check_image_sizes(datasets, tuple(loaders), multiple)
        for loader in loaders:
            if loader in datasets and self.map_sizes:
                size = image_size(datasets[loader])
                check_map_sizes(self.map_sizes, self._size_of_X(size), size, loader)

    @torch.no_grad()
    def _size_of_X(self, size: tuple[int, int]) -> tuple[int, ...]:
        training = self.training
        device = next(self.E_I.parameters()).device
        X = self.eval().E_I(torch.zeros(1, 3, *size, device=device))
        self.train(training)
        return tuple(X.shape[2:])


def feature(code: Tensor) -> Tensor:
    """Vectors (B, D) of maps (B, D, h, w): their means."""
    return code.mean((2, 3))
