"""Networks that compute their activations twice: the same numbers, of less memory."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from reidgen.engine.step import run_phases
from reidgen.models.layers.activation_checkpointing import checkpoint_activations, is_checkpointed

NAMES = ('D_s', 'D_t', 'G', 'F', 'E_p', 'E_c')
STAGES = {
    'generators': dict(name='generators', phases=['D', 'G'], frozen=['E_c']),
    'joint': dict(name='joint', phases=['D', 'G']),
}


def networks_of(model) -> dict:
    return {name: getattr(model, name) for name in model.network_names}


@pytest.mark.slow
@pytest.mark.parametrize('stage', STAGES)
@pytest.mark.parametrize('bn_mode', ['mixed', 'real_only', 'frozen'])
def test_losses_weights_and_statistics_are_the_same_bits(
    build_toy, toy_batch, toy_optim, bn_mode, stage
):
    found = []
    for names in ((), NAMES):
        model = build_toy(bn_mode=bn_mode)
        checkpoint_activations(networks_of(model), names)
        done = [n for n in model.network_names if is_checkpointed(getattr(model, n))]
        assert done == list(names)
        model.enter_stage(**STAGES[stage])
        optim = toy_optim(model)
        logs = [run_phases(model, toy_batch(seed=n), optim, n, n) for n in range(2)]
        found.append((logs, model.state_dict()))
    (logs, state), (again, state_again) = found
    assert list(state) == list(state_again)
    assert [key for key in state if not torch.equal(state[key], state_again[key])] == []
    assert again == logs


def test_what_is_kept_for_the_backward_pass_is_less_than_a_third(build_toy, toy_batch):
    kept = []
    for names in ((), ('G', 'F', 'E_p', 'E_c')):
        model = build_toy()
        checkpoint_activations(networks_of(model), names)
        model.enter_stage(**STAGES['joint'])
        model.train_only(model.network_names)
        parameters = {p.data_ptr() for p in model.parameters()}
        sizes = {}

        def keep(tensor, sizes=sizes, parameters=parameters):
            if tensor.data_ptr() not in parameters:
                sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            x = model.forward_translation(toy_batch())
        kept.append(sum(sizes.values()))
        assert x.x_s2t.requires_grad
    assert kept[1] < kept[0] / 3


def test_no_graph_is_kept_where_none_is_asked_for(build_toy, toy_batch):
    model = build_toy()
    checkpoint_activations(networks_of(model), ['E_c'])
    with torch.no_grad():
        assert not model.E_c(toy_batch().source.img).embedding.requires_grad


@pytest.mark.parametrize(
    'names, message',
    [
        ('G', r"activation_checkpointing is 'G'; give a list of networks"),
        (['E_q'], r"names 'E_q'.*the model has"),
    ],
)
def test_what_is_no_list_of_networks_is_refused(build_toy, names, message):
    with pytest.raises(ValueError, match=message):
        checkpoint_activations(networks_of(build_toy()), names)


def test_spectral_norm_is_refused_by_layer(build_toy):
    model = build_toy()
    model.F.head = spectral_norm(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"names 'F', whose layer \S*head\S* has spectral norm"):
        checkpoint_activations(networks_of(model), ['F'])
