"""Networks compiled in place."""

import pytest
import torch

from reidgen.engine.compiling import compile_networks
from reidgen.models.layers.activation_checkpointing import checkpoint_activations

STAGES = (
    dict(name='generators', phases=['D', 'G'], frozen=['E_c']),
    dict(name='joint', phases=['D', 'G']),
)


def networks_of(model) -> dict:
    return {name: getattr(model, name) for name in model.network_names}


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:The .grad attribute')  # read by torch itself
def test_codes_and_keys_stay_and_a_stage_that_comes_again_compiles_nothing(build_toy, toy_batch):
    compiled, counts = [], []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    torch._dynamo.reset()
    plain, model, img = build_toy(), build_toy(), toy_batch().source.img
    assert compile_networks(model, dict(networks=['E_c'], backend=backend)) == ('E_c',)
    for stage in (*STAGES, *STAGES):
        for each in (plain, model):
            each.enter_stage(**stage)
            each.train_only(each.network_names)
        torch.testing.assert_close(model.E_c(img), plain.E_c(img))
        counts.append(len(compiled))
    assert 0 < counts[0] < counts[1] == counts[3]
    state, expected = model.state_dict(), plain.state_dict()
    assert list(state) == list(expected)
    torch.testing.assert_close(state, expected)


@pytest.mark.slow
def test_all_networks_are_compiled_but_those_under_a_penalty_and_those_checkpointed(
    build_toy, monkeypatch
):
    monkeypatch.setattr('shutil.which', lambda name: name)
    model = build_toy()
    checkpoint_activations(networks_of(model), ['F'])
    assert compile_networks(model, True) == ('G', 'E_p', 'E_c', 'C')
    model = build_toy(penalty=None, loss_weights=dict(gp=0))
    assert compile_networks(model, dict(backend='eager')) == model.network_names


@pytest.mark.parametrize('nothing', [None, False])
def test_nothing_is_compiled_without_the_key(build_toy, nothing):
    assert compile_networks(build_toy(), nothing) == ()


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(network=['G']), r"compile\.network \(did you mean 'networks'\?\): it takes"),
        (dict(networks=['E_q']), r"names 'E_q'.*the model has"),
        (dict(networks=['D_s']), r"'D_s', which the gradient penalty differentiates twice"),
        (dict(networks=['F'], backend='eager'), r"activation_checkpointing both name 'F'"),
    ],
)
def test_what_cannot_be_compiled_is_refused(build_toy, options, message):
    model = build_toy()
    checkpoint_activations(networks_of(model), ['F'])
    with pytest.raises(ValueError, match=message):
        compile_networks(model, options)


def test_a_machine_without_a_compiler_is_told_before_training(build_toy, monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(ValueError, match=r"the C\+\+ compiler 'no-such-compiler' is not found"):
        compile_networks(build_toy(), True)
