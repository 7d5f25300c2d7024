import pytest
import torch
from torch import nn

from reidgen.engine.optim import OptimizerPerGroup, check_groups
from reidgen.engine.stages import parse_stages
from reidgen.models.phases import Phase

SGD = dict(type='SGD', lr=0.125)
ADAM = dict(type='Adam', lr=0.125)


class ThreeNetworks(nn.Module):
    """Three networks of one weight matrix each, and two phases."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.network_names = ('D', 'G', 'E_p')
        for name in self.network_names:
            self.add_module(name, nn.Linear(4, 4, bias=False))

    def phases_under(self, loss_weights):
        return Phase('D', ('D',), None), Phase('G', ('G', 'E_p'), None)

    @property
    def trainable(self):
        return {
            name: [p for p in getattr(self, name).parameters() if p.requires_grad]
            for name in self.network_names
        }


def groups_of(model: ThreeNetworks, **groups):
    return OptimizerPerGroup(groups)(model)


def move(optim, model: ThreeNetworks) -> tuple[torch.Tensor, torch.Tensor]:
    """Change of E_p in one step of all groups, and its gradient."""
    (model.E_p.weight**3).sum().backward()
    before, grad = model.E_p.weight.detach().clone(), model.E_p.weight.grad.clone()
    for group in optim.values():
        group.step()
    return model.E_p.weight.detach() - before, grad


def test_a_network_in_two_groups_moves_exactly_twice_as_far_under_plain_sgd():
    one, two = ThreeNetworks(), ThreeNetworks()
    alone, grad = move(groups_of(one, P=dict(networks=['E_p'], **SGD)), one)
    both, _ = move(
        groups_of(two, G=dict(networks=['G', 'E_p'], **SGD), F=dict(networks=['E_p'], **SGD)), two
    )
    torch.testing.assert_close(alone, -0.125 * grad, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(both, 2 * alone, rtol=1e-6, atol=1e-7)


def test_the_first_move_of_two_adams_is_two_signs():
    one, two = ThreeNetworks(), ThreeNetworks()
    alone, grad = move(groups_of(one, P=dict(networks=['E_p'], **ADAM)), one)
    both, _ = move(
        groups_of(two, G=dict(networks=['G', 'E_p'], **ADAM), F=dict(networks=['E_p'], **ADAM)), two
    )
    torch.testing.assert_close(alone, -0.125 * grad.sign(), rtol=1e-3, atol=0)
    torch.testing.assert_close(both, -2 * 0.125 * grad.sign(), rtol=1e-3, atol=0)


def test_a_group_owns_the_thawed_parameters_of_its_networks_only():
    model = ThreeNetworks()
    model.G.weight.requires_grad_(False)
    optim = groups_of(model, G=dict(networks=['G', 'E_p'], **SGD))
    owned = [p for group in optim['G'].param_groups for p in group['params']]
    assert [id(p) for p in owned] == [id(model.E_p.weight)]


@pytest.mark.parametrize('networks', [['E_x'], [], None])
def test_a_group_of_unknown_or_no_networks_is_refused(networks):
    with pytest.raises(
        ValueError, match=r"optim_wrapper\.G\.networks is .*model has \['D', 'E_p', 'G'\]"
    ):
        groups_of(ThreeNetworks(), G=dict(networks=networks, **SGD))


def test_an_unknown_optimizer_is_refused_by_name():
    with pytest.raises(
        ValueError, match=r"optim_wrapper\.G: no optimizer is registered as 'Adamm' .*mean 'Adam'"
    ):
        groups_of(ThreeNetworks(), G=dict(networks=['G'], type='Adamm', lr=1.0))
    with pytest.raises(ValueError, match=r'optim_wrapper\.G names no optimizer; set .*G\.type'):
        groups_of(ThreeNetworks(), G=dict(networks=['G'], lr=1.0))


@pytest.mark.parametrize(
    'value, error',
    [
        (dict(lr='abc'), r"optim_wrapper\.G\.lr is 'abc'; set it to a number, such as 1e-4"),
        (dict(lr=None), r'optim_wrapper\.G\.lr is None; set it to a number'),
        (dict(lr=-1.0), r'optim_wrapper\.G: SGD does not take .*Invalid learning rate: -1.0; corr'),
        (
            dict(lr=0.1, weight_decay='x'),
            r"optim_wrapper\.G: SGD does not take .*'weight_decay': 'x'",
        ),
    ],
)
def test_a_value_that_an_optimizer_cannot_take_is_refused_with_its_group(value, error):
    with pytest.raises(ValueError, match=error):
        groups_of(ThreeNetworks(), G=dict(networks=['G'], type='SGD', **value))


def test_paramwise_cfg_is_refused():
    with pytest.raises(ValueError, match='make another group'):
        OptimizerPerGroup({}, paramwise_cfg=dict(bias_lr_mult=2))


def test_clip_weights_clips_after_the_step():
    model = ThreeNetworks()
    nn.init.constant_(model.E_p.weight, 0.5)
    optim = groups_of(model, P=dict(networks=['E_p'], clip_weights=0.01, **SGD))
    move(optim, model)
    assert model.E_p.weight.abs().max().item() == pytest.approx(0.01)
    assert model.G.weight.abs().max() > 0.01


def test_clip_grad_bounds_the_norm_of_the_move():
    model = ThreeNetworks()
    optim = groups_of(model, P=dict(networks=['E_p'], clip_grad=dict(max_norm=1e-3), **SGD))
    moved, grad = move(optim, model)
    assert grad.norm() > 1e-3
    assert moved.norm().item() == pytest.approx(0.125 * 1e-3, rel=1e-3)


# ---- groups and stages ----


def check(groups: dict, **stage) -> None:
    model = ThreeNetworks()
    stages = parse_stages([dict(name='joint', iters=1, **stage)])
    check_groups(model, groups_of(model, **groups), stages)


OWNED = dict(
    D=dict(networks=['D'], **SGD), G=dict(networks=['G'], **SGD), P=dict(networks=['E_p'], **SGD)
)


def test_groups_that_own_what_is_trained_pass():
    check(OWNED)
    check(dict(G=OWNED['G'], P=OWNED['P']), phases=['G'])
    check(dict(D=OWNED['D'], G=OWNED['G']), frozen=['E_p'])


def test_a_trained_network_without_group_is_named():
    with pytest.raises(ValueError, match=r'stage joint: phase G trains E_p, but no group'):
        check(dict(D=OWNED['D'], G=OWNED['G']))


def test_a_group_that_serves_another_phase_does_not_count():
    with pytest.raises(ValueError, match=r'phase G trains E_p, but no group'):
        check(OWNED | dict(P=dict(networks=['E_p'], phases=['D'], **SGD)))


def test_a_group_stepped_by_two_phases_of_a_stage_is_refused():
    with pytest.raises(ValueError, match=r'group all would be stepped by the phases D and G'):
        check(dict(all=dict(networks=['D', 'G', 'E_p'], **SGD)))
    check(dict(all=dict(networks=['D', 'G', 'E_p'], **SGD)), phases=['G'])


def test_a_stage_of_which_all_is_frozen_is_refused():
    with pytest.raises(ValueError, match=r"trains nothing: its phases train \['D'\], all of which"):
        check(OWNED, phases=['D'], frozen=['D'])
    check(OWNED, frozen=['D'])  # phase G goes on
