"""Loading of checkpoints: tensors taken, lines logged, errors."""

import pytest
import torch
from checkpoint_model import Classifier, Model, assert_taken, part, saved
from torch import nn

from reidgen.checkpoint import load_for_evaluation, load_for_training, load_strictly

ALL = {'E_c', 'C', 'G', 'bank'}
WRAPPERS = [
    'module.',
    '_orig_mod.',
    'module._orig_mod.',
    'base.',
    'backbone.',
    'model.',
    'module.backbone.',
    'model.base.module.',
]


# ---- by what names ----


@pytest.mark.parametrize('load', [load_strictly, load_for_training, load_for_evaluation])
@pytest.mark.parametrize('prefix', WRAPPERS)
def test_wrappers_before_the_names_are_taken_off_and_one_line_says_so(prefix, load, logged):
    state, model = saved(), Model()
    before = saved(model)
    load(model, {prefix + key: value for key, value in state.items()}, 'x.pth')
    assert_taken(model, before, state, ALL)
    (line,) = logged
    assert 'x.pth' in line
    assert f'({prefix}E_c.linear.weight is E_c.linear.weight)' in line


def test_names_as_they_are_need_no_word_in_strict_loading(logged):
    state, model = saved(), Model()
    load_strictly(model, state, 'x.pth')
    assert_taken(model, {}, state, ALL)
    assert logged == []


def test_a_model_in_distributed_wrappers_takes_plain_names():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    state, model = saved(), Model()
    model.E_c, model.C = Wrapper(model.E_c), Wrapper(Classifier(9))
    load_for_training(model, state, 'x.pth')
    assert torch.equal(model.E_c.module.linear.weight, state['E_c.linear.weight'])
    assert model.C.module.linear.weight.shape == (9, 3)  # other identities, found in the wrapper


def test_a_network_called_as_a_wrapper_keeps_its_name():
    model = nn.ModuleDict(dict(base=nn.Linear(2, 2), head=nn.Linear(2, 2)))
    state = saved(model)
    load_strictly(model, state, 'x.pth')
    assert torch.equal(model['base'].weight, state['base.weight'])


@pytest.mark.parametrize(
    'state,told',
    [
        ({'module.weight': 1, 'weight': 2}, 'x.pth has both module.weight and weight'),
        (
            {f'{top}.{name}': 1 for top in ('base', 'backbone') for name in ('weight', 'bias')},
            "2 tensors of the model twice, below 'base.' and below 'backbone.'",
        ),
    ],
)
def test_two_tensors_of_one_name_are_refused(state, told):
    shapes = dict(weight=(2, 2), bias=(2,))
    state = {key: torch.zeros(shapes[key.rpartition('.')[2]]) for key in state}
    with pytest.raises(ValueError, match=told):
        load_strictly(nn.Linear(2, 2), state, 'x.pth')


# ---- everything ----


def test_strict_loading_names_missing_unknown_and_misshapen_keys_and_loads_nothing():
    model, state = Model(), saved()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    del state['G.bias'], state['E_c.neck.num_batches_tracked']
    state['c.weight'], state['C.linear.weight'] = torch.zeros(1), torch.zeros(5, 4)
    with pytest.raises(ValueError, match='does not fit') as error:
        load_strictly(model, state, 'x.pth')
    assert str(error.value) == (
        'x.pth does not fit Model: of 13 tensors 2 missing (E_c.neck.num_batches_tracked, G.bias); '
        '1 unknown (c.weight); 1 of another shape (C.linear.weight (5, 4) instead of (5, 3)). '
        'Use the config it was trained with'
    )
    assert_taken(model, before, {}, set())


# ---- what an evaluation needs ----


def without(*names: str) -> dict:
    return {key: value for key, value in saved().items() if key.partition('.')[0] not in names}


@pytest.mark.parametrize(
    'state,taken,told',
    [
        (saved(), 'E_c, C, G, bank', ''),
        (without('C', 'G', 'bank'), 'E_c', '; as built: C, G, bank'),
        (part(saved(), 'E_c'), 'E_c (linear.weight is E_c.linear.weight); as built: C', ''),
        (
            saved(Model(num_identities=9)),
            'E_c, G, bank; as built: C (C.linear.weight is (9, 3) there)',
            '',
        ),
        (saved() | {'D.weight': torch.ones(1)}, 'E_c, C, G, bank; not used: D (1 tensors)', ''),
        (
            {f'backbone.{k}': v for k, v in part(saved(), 'E_c').items()}
            | {'head.weight': torch.ones(1)},
            'E_c (backbone.linear.weight is E_c.linear.weight)',
            'not used: head (1 tensors)',
        ),
    ],
)
def test_an_evaluation_takes_the_encoder_and_what_else_fits(state, taken, told, logged):
    model = Model()
    load_for_evaluation(model, state, 'x.pth')
    (line,) = logged
    assert line.startswith(f'loaded x.pth: {taken}')
    assert told in line


def test_networks_that_an_evaluation_leaves_stay_as_they_were_built():
    model, state = Model(num_samples=9, generator=6), saved()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    load_for_evaluation(model, state, 'x.pth')
    assert_taken(model, before, state, {'E_c', 'C'})


@pytest.mark.parametrize(
    'state,told',
    [
        (without('E_c'), r'6 missing \(E_c\.linear\.bias'),
        (saved(Model(width=4)), r'of another shape \(E_c\.linear\.weight \(4, 2\) instead of'),
        (saved() | {'E_c.extra.weight': torch.ones(1)}, r'1 unknown \(E_c\.extra\.weight\)'),
        (dict(weight=torch.ones(1)), '6 missing'),
    ],
)
def test_an_evaluation_refuses_an_encoder_that_does_not_fit_whole(state, told):
    model = Model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=f'x.pth does not fit Model: .*{told}') as error:
        load_for_evaluation(model, state, 'x.pth')
    assert 'an evaluation needs E_c of it. A trunk alone is read by the key' in str(error.value)
    assert_taken(model, before, {}, set())


def test_a_file_of_old_torch_without_batch_counters_can_be_evaluated(logged):
    state = {key: value for key, value in saved().items() if 'num_batches' not in key}
    load_for_evaluation(Model(), state, 'x.pth')
    assert logged == ['loaded x.pth: E_c, C, G, bank']


# ---- where a training starts ----


@pytest.mark.parametrize(
    'state,taken,told',
    [
        (saved(), ALL, 'loaded x.pth: E_c, C, G, bank'),
        (without('G', 'bank'), {'E_c', 'C'}, 'loaded x.pth: E_c, C; as built: G, bank'),
        (
            part(saved(), 'E_c'),
            {'E_c'},
            'loaded x.pth: E_c (linear.weight is E_c.linear.weight); as built: C, G, bank',
        ),
        (
            saved(Model(num_identities=751, num_samples=99)),
            {'E_c', 'G'},
            'loaded x.pth: E_c, G; as built: C (C.linear.weight is (751, 3) there), '
            'bank (bank.features is (99, 3) there)',
        ),
        (
            saved() | {'D_s.weight': torch.ones(1), 'D_s.bias': torch.ones(1)},
            ALL,
            'loaded x.pth: E_c, C, G, bank; not used: D_s (2 tensors)',
        ),
    ],
)
def test_a_training_starts_from_the_networks_that_a_file_has(state, taken, told, logged):
    model = Model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    load_for_training(model, state, 'x.pth')
    state = {f'E_c.{k}': v for k, v in state.items()} if 'linear.weight' in state else state
    assert_taken(model, before, state, taken)
    assert logged == [told]


@pytest.mark.parametrize(
    'state,told',
    [
        (saved(Model(generator=6)), r'2 of another shape \(G\.weight \(6, 3\) instead of \(4, 3\)'),
        ({k: v for k, v in saved().items() if k != 'G.bias'}, r'1 missing \(G\.bias\)'),
        (saved() | {'G.extra': torch.ones(1)}, r'1 unknown \(G\.extra\)'),
        (saved(Model(width=4)), r'E_c\.linear\.weight \(4, 2\) instead of \(3, 2\)'),
        # other rows and another width: another classifier
        (saved() | {'C.linear.weight': torch.ones(9, 8)}, r'C\.linear\.weight \(9, 8\) instead'),
        (dict(conv1=torch.ones(1)), r'13 missing .*; 1 unknown \(conv1\)'),
    ],
)
def test_a_training_does_not_start_from_a_part_of_a_network(state, told):
    model = Model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=told) as error:
        load_for_training(model, state, 'x.pth')
    assert '--cfg-options model.networks.E_c.weights=PATH' in str(error.value)
    assert_taken(model, before, {}, set())


def test_a_network_whose_pretrained_weights_were_not_read_must_be_in_the_file():
    model = Model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    told = r'x\.pth has no E_c.*networks\.E_c\.weights to None .*leave --load-from out'
    with pytest.raises(ValueError, match=told):
        load_for_training(model, without('E_c'), 'x.pth', needed=['E_c'])
    assert_taken(model, before, {}, set())
