"""IdentityModel: supervised identity classification and triplets, the direct transfer baseline."""

import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import LOSSES, MODELS, build
from reidgen.structures import Code

from .adversarial import AdversarialModel
from .data_checks import check_identities
from .phases import Phase

FEATURES = ('embedding', 'pre_bn', 'head')


class WithHead(nn.Module):
    """Encoder and embedding head as one network of images: what AdaBN adapts."""

    def __init__(self, encoder: nn.Module, head: nn.Module):
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, img: Tensor) -> Tensor:
        return self.head(self.encoder(img).pre_bn)


@MODELS.register_module()
class IdentityModel(AdversarialModel):
    """ID-discriminative embedding (IDE): identity classification, and triplets if weighed.

        E_c -> embedding -> C          BNNeck (Luo et al., CVPRW 2019), stage 1 of CrossDomainGCL
        E_c -> pre_bn -> H -> C        IDE (Zheng et al., arXiv 1610.02984), with a head
        E_c -> pre_bn                  triplets alone (Hermans et al., arXiv 1703.07737)

    IDE+ is IDE with E_c's `frozen_bn='stats'` and a tenth of the learning rates. Evaluated on
    another domain than it was trained on, it is direct transfer, and AdaBN with batch-norm
    statistics re-estimated there.

    Args:
        networks: E_c, C, and optionally H (EmbeddingHead). Without C triplets alone train E_c if
            they are weighed; if nothing is, the model only evaluates E_c as it starts.
        loss_weights: of `identity` (cross-entropy, with C) and `triplet`.
        feature: what is compared: 'embedding'; 'pre_bn', before the neck, which is the pooled map
            (pool5) where E_c has no linear layer; 'head', the output of H.
        flip_test: adds the feature of the mirrored image before normalising.

    Raises:
        ValueError: an unknown feature, H or C does not take what the network before it gives, or H
            is to be trained without C.
    """

    loss_families: tuple[str, ...] = ('identity', 'triplet')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float] | None = None,
        feature: str = 'embedding',
        flip_test: bool = False,
        cross_entropy: dict | None = None,
        triplet: dict | None = None,
        data_preprocessor: dict | None = None,
    ):
        if 'C' not in networks:
            self.loss_families = ('triplet',) if loss_weights else ()
            if loss_weights and 'H' in networks:
                raise ValueError(
                    'model.networks has H but no C: triplets are before H, so nothing would train '
                    'it; leave H out, or add C'
                )
        super().__init__(networks, loss_weights or {}, data_preprocessor)
        known = FEATURES if 'H' in networks else FEATURES[:-1]
        if feature not in known:
            raise ValueError(
                f'model.feature is {feature!r}; known: {", ".join(known)}'
                + ('' if 'H' in networks else ' (and head with networks.H)')
            )
        self.feature, self.flip_test = feature, flip_test
        self.cross_entropy = build(
            cross_entropy or {}, LOSSES, 'model.cross_entropy', 'LabelSmoothCrossEntropy'
        )
        self.triplet = build(triplet or {}, LOSSES, 'model.triplet', 'BatchHardTriplet')
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_identities = self.C.num_identities if 'C' in networks else None
        self._check_widths()

    def phases(self) -> tuple[Phase, ...]:
        if 'C' not in self.network_names:
            triplets = Phase('I', ('E_c',), self.triplet_losses, reads=('identity',))
            return (triplets,) if self.loss_families else ()
        trains = ('E_c', 'H', 'C') if 'H' in self.network_names else ('E_c', 'C')
        return (Phase('I', trains, self.identity_losses, reads=('identity',)),)

    def _check_widths(self) -> None:
        giver, given = 'E_c', getattr(self.E_c, 'embed_dim', None)
        for name in (name for name in ('H', 'C') if name in self.network_names):
            network = getattr(self, name)
            taken = getattr(network, 'in_dim', None)
            if None not in (taken, given) and taken != given:
                raise ValueError(
                    f'model.networks.{name}.in_dim is {taken} but {giver} gives {given}; '
                    f'set model.networks.{name}.in_dim={given}'
                )
            giver, given = name, getattr(network, 'out_dim', None)

    def identity_losses(self, batch, x: None) -> dict[str, Tensor]:
        """Triplet loss before, classification loss after batch norm."""
        s = batch.identity
        code = self.E_c(s.img)
        logits = self._logits(code)
        losses = {'identity.s': self.cross_entropy(logits, s.pid)}
        if self.on('triplet'):
            losses['triplet.s'] = self.triplet(code.pre_bn, s.pid)
        return losses | {'stat.accuracy': (logits.argmax(1) == s.pid).float().mean()}

    def triplet_losses(self, batch, x: None) -> dict[str, Tensor]:
        """Triplet loss before batch norm, and statistics of the hardest triplets."""
        s = batch.identity
        feature = self.E_c(s.img).pre_bn
        losses = {'triplet.s': self.triplet(feature, s.pid)}
        if hasattr(self.triplet, 'statistics'):
            statistics = self.triplet.statistics(feature, s.pid)
            losses |= {f'stat.triplet_{name}': value for name, value in statistics.items()}
        return losses

    def _logits(self, code: Code) -> Tensor:
        return self.C(self.H(code.pre_bn) if 'H' in self.network_names else code.embedding)

    @property
    def evaluated(self) -> tuple[str, ...]:
        return ('E_c', 'H') if self.feature == 'head' else ('E_c',)

    @property
    def retrieval_encoder(self) -> nn.Module:
        return WithHead(self.E_c, self.H) if self.feature == 'head' else self.E_c

    def embed(self, img: Tensor) -> Tensor:
        feature = self._feature(img)
        if self.flip_test:
            feature = feature + self._feature(img.flip(3))
        return nnf.normalize(feature)

    def _feature(self, img: Tensor) -> Tensor:
        code = self.E_c(img)
        feature = self.H(code.pre_bn) if self.feature == 'head' else getattr(code, self.feature)
        return feature.float()

    def check_data(self, datasets, batch_sizes, stages) -> None:
        if 'C' in self.network_names:
            check_identities(self, datasets, stages, ('identity',))
