"""Optimizers of groups of networks."""

from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from reidgen.models.adversarial import unwrap_model
from reidgen.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS, find


class NetworkOptimWrapper(OptimWrapper):
    """Optimizer over all parameters of a group of networks.

    Args:
        optimizer: a torch optimizer.
        networks: names of the networks it owns.
        phases: phases that step it; None: every phase that trains one of its networks.
        clip_grad: arguments of `clip_grad_norm_`, e.g. dict(max_norm=1.0).
        clip_weights: after each step every parameter is clipped to [-c, c] (WGAN, Arjovsky et al.,
            2017).
    """

    def __init__(
        self,
        optimizer,
        networks: tuple[str, ...],
        phases: tuple[str, ...] | None = None,
        clip_grad: dict | None = None,
        clip_weights: float | None = None,
    ):
        super().__init__(optimizer, clip_grad=clip_grad)
        self.networks = frozenset(networks)
        self.phases = None if phases is None else frozenset(phases)
        self.clip_weights = clip_weights
        # the config decides the initial rate, also after a resume
        self.base_lrs = tuple(group['lr'] for group in optimizer.param_groups)

    def serves(self, phase: str) -> bool:
        """Whether a phase steps this group."""
        return self.phases is None or phase in self.phases

    def step(self, **kwargs) -> None:
        super().step(**kwargs)
        if self.clip_weights is not None:
            for group in self.optimizer.param_groups:
                for parameter in group['params']:
                    parameter.data.clamp_(-self.clip_weights, self.clip_weights)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class OptimizerPerGroup:
    """Builder of one optimizer a group: `D=dict(networks=['D_s', 'D_t'], type='Adam', lr=1e-4)`.

    A network in two groups is stepped by both (E_p in G's and F's group is the literal double
    registration); `phases=['I']` keeps a group to some phases.

    Raises:
        ValueError: a group without networks, one that names an unknown network, or values that its
            optimizer does not take; at build.
    """

    KEYS = ('networks', 'phases', 'clip_grad', 'clip_weights')

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        if paramwise_cfg:
            raise ValueError('paramwise_cfg is not used: make another group of networks instead')
        self.groups = dict(optim_wrapper_cfg)

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        model = unwrap_model(model)
        return OptimWrapperDict(
            **{name: self._build(model, name, dict(group)) for name, group in self.groups.items()}
        )

    def _build(self, model, name: str, group: dict) -> NetworkOptimWrapper:
        own = {key: group.pop(key) for key in self.KEYS if key in group}
        unknown = sorted(set(own.get('networks') or ()) - set(model.network_names))
        if not own.get('networks') or unknown:
            raise ValueError(
                f'optim_wrapper.{name}.networks is {own.get("networks")}; the model has '
                f'{sorted(model.network_names)}'
            )
        place = f'optim_wrapper.{name}'
        if 'type' not in group:
            raise ValueError(f"{place} names no optimizer; set {place}.type, such as 'Adam'")
        optimizer = find(group.pop('type'), OPTIMIZERS, place=place)
        parameters = [
            parameter for network in own['networks'] for parameter in model.trainable[network]
        ]
        lr = group.get('lr', 0.0)
        if isinstance(lr, bool) or not isinstance(lr, int | float):
            raise ValueError(f'{place}.lr is {lr!r}; set it to a number, such as 1e-4')
        try:
            built = optimizer(parameters, **group)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'optim_wrapper.{name}: {optimizer.__name__} does not take {group}: {error}; '
                f'correct the value'
            ) from error
        return NetworkOptimWrapper(built, **own)


def check_groups(model, optim: OptimWrapperDict, stages) -> None:
    """Raises ValueError where a stage trains nothing, a network of no group, or a group twice.

    A group whose networks are trained in two phases of one stage would be stepped with the
    gradients of one phase and the momentum of the other.

    Raises:
        ValueError: names stage, phase, network and group.
    """
    for stage in stages:
        known = {phase.name: phase for phase in model.phases_under(stage.loss_weights)}
        steps: dict[str, str] = {}
        phases = [known[name] for name in (stage.phases or known) if name in known]
        trained = {network for phase in phases for network in phase.trains}
        if not any(model.trainable[network] for network in trained - set(stage.frozen)):
            raise ValueError(
                f'stage {stage.name} trains nothing: its phases train {sorted(trained)}, all of '
                f'which are frozen; take one of them out of frozen, or leave the stage out'
            )
        for phase in phases:
            for network in sorted(set(phase.trains) - set(stage.frozen)):
                groups = [
                    name
                    for name, group in optim.items()
                    if group.serves(phase.name) and network in group.networks
                ]
                if not groups:
                    raise ValueError(
                        f'stage {stage.name}: phase {phase.name} trains {network}, but no group of '
                        f'optim_wrapper owns it in that phase; add it to a group or freeze it'
                    )
                for name in groups:
                    if steps.setdefault(name, phase.name) != phase.name:
                        raise ValueError(
                            f'stage {stage.name}: group {name} would be stepped by the phases '
                            f'{steps[name]} and {phase.name}; give each phase a group of its own '
                            f'(key `phases`)'
                        )
