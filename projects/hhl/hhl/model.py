"""HHL: one network for labelled source images and unlabelled target images with copies."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from reidgen.losses import LabelSmoothCrossEntropy
from reidgen.models import AdversarialModel, Phase
from reidgen.models.data_checks import check_identities
from reidgen.registry import LOSSES, MODELS, build

# whom triplets compare -> loaders that are read
MODES = {
    'CD': ('identity', 'triplet', 'target'),
    'C': ('identity', 'target'),
    'D': ('identity', 'triplet', 'target'),
    'none': ('identity',),
}


@MODELS.register_module()
class HHL(AdversarialModel):
    """Hetero- and homogeneously learning (Zhong et al., ECCV 2018).

        identity: x_s        -> E_c -> H -> C             cross-entropy over source identities
        triplet:  P x K x_s  -> E_c -> H -> T --.
        target:   x_t, fakes -> E_c -> H -> T --'         batch-hard triplets over both

    A target image is a person of its own: its copies in other cameras' styles are its positives
    (camera invariance), all source persons and all other target images its negatives (domain
    connectedness). The three batches pass one after the other, so batch norm keeps them apart.
    `E_c` must give the pooled map (embed_dim=None, neck=False), which is also what is retrieved by.

    Args:
        networks: E_c, H (EmbeddingHead), C (classifier), T (TripletLayer).
        loss_weights: of identity and triplet (the paper's beta, 0.5).
        mode: domains of the triplets. 'CD', source and target with copies; 'C', target with
            copies alone; 'D', source and target without copies; 'none'.
        train_embed: False leaves weights of H and T as they start, as in the authors' code,
            whose optimizer does not hold them.
        triplet: config; by default margin 0.3, and an anchor counts among its own positives, so
            that a target image without copies is an anchor too.

    Raises:
        ValueError: an unknown mode, or triplets that are weighed in mode 'none'.
    """

    loss_families = ('identity', 'triplet')

    def __init__(
        self,
        networks: dict[str, dict],
        loss_weights: dict[str, float],
        mode: str = 'CD',
        train_embed: bool = True,
        triplet: dict | None = None,
    ):
        if mode not in MODES:
            raise ValueError(f'model.mode is {mode!r}; choose one of {", ".join(MODES)}')
        super().__init__(networks, loss_weights)
        if mode == 'none' and self.on('triplet'):
            raise ValueError("model.mode='none' has no triplets; set loss_weights.triplet=0")
        self.mode, self.train_embed = mode, train_embed
        self.cross_entropy = LabelSmoothCrossEntropy(epsilon=0.0)
        self.triplet = build(
            triplet or dict(type='BatchHardTriplet', include_self=True), LOSSES, 'model.triplet'
        )
        # kept here: a distributed wrapper around a network hides its attributes
        self.num_identities = self.C.num_identities

    def phases(self) -> tuple[Phase, ...]:
        trains = ('E_c', 'H', 'C', 'T') if self.train_embed else ('E_c', 'C')
        return (Phase('I', trains, self.losses, reads=MODES[self.mode]),)

    def losses(self, batch, x: None) -> dict[str, Tensor]:
        """Cross-entropy over source identities, and triplets over the domains of the mode."""
        s = batch.identity
        logits = self.C(self._embedding(s.img))
        losses = {
            'identity.s': self.cross_entropy(logits, s.pid),
            'stat.accuracy': (logits.argmax(1) == s.pid).float().mean(),
        }
        if self.mode != 'none' and self.on('triplet'):
            features, pid = self.triplet_batch(batch)
            losses['triplet.' + self.mode.lower()] = self.triplet(features, pid)
            if hasattr(self.triplet, 'statistics'):  # not of pairs, nor of other libraries
                statistics = self.triplet.statistics(features, pid)
                losses |= {f'stat.triplet_{name}': value for name, value in statistics.items()}
        return losses

    def triplet_batch(self, batch) -> tuple[Tensor, Tensor]:
        """Features (N, D) and identities (N,) for the triplets; target identities are below 0."""
        features, pids = [], []
        if self.mode in ('CD', 'D'):
            features.append(self.T(self._embedding(batch.triplet.img)))
            pids.append(batch.triplet.pid)
        img = batch.target.img if self.mode != 'D' else batch.target.img[:, :1]
        features.append(self.T(self._embedding(img.flatten(0, 1))))
        persons = -1 - torch.arange(len(img), device=img.device)
        pids.append(persons.repeat_interleave(img.shape[1]))
        return torch.cat(features), torch.cat(pids)

    def embed(self, img: Tensor) -> Tensor:
        return nnf.normalize(self.E_c(img).embedding.float())

    def _embedding(self, img: Tensor) -> Tensor:
        return self.H(self.E_c(img).embedding)

    def check_data(self, datasets, batch_sizes, stages) -> None:
        check_identities(self, datasets, stages, ('identity', 'triplet'))
