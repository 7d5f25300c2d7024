"""Errors for values that cannot be weights, before anything is loaded."""

import pytest
import torch
from checkpoint_model import Model, assert_taken, saved

from reidgen.checkpoint import load_for_evaluation, load_for_training, load_strictly


@pytest.mark.parametrize(
    'key,value,told',
    [
        ('E_c.linear.bias', torch.tensor([0, torch.nan, 0]), 'is NaN or infinite: .* earlier'),
        ('E_c.linear.bias', torch.tensor([0, -torch.inf, 0]), 'is NaN or infinite'),
        ('E_c.linear.bias', torch.full((3,), 1e300, dtype=torch.float64), 'is NaN or infinite'),
        ('E_c.linear.bias', torch.tensor([1, 2, 3]), 'is int64 where float32 is expected'),
        ('E_c.linear.bias', torch.ones(3, dtype=torch.bool), 'is bool where float32 is expected'),
        ('E_c.linear.bias', torch.ones(3) + 0j, r'is complex64 where .*value\.real'),
        ('bank.labels', torch.ones(7), r'is float32 where int64 is expected; .*value\.to'),
    ],
)
@pytest.mark.parametrize('load', [load_strictly, load_for_training, load_for_evaluation])
def test_numbers_that_cannot_be_weights_are_refused_by_name(load, key, value, told):
    model = Model()
    before = {name: old.clone() for name, old in model.state_dict().items()}
    with pytest.raises(ValueError, match=f'^x.pth: {key} {told}'):
        load(model, saved() | {key: value}, 'x.pth')
    assert_taken(model, before, {}, set())


def test_further_tensors_with_such_numbers_are_counted():
    bad = dict.fromkeys(('E_c.neck.weight', 'E_c.neck.bias'), torch.full((3,), torch.nan))
    with pytest.raises(ValueError, match=r'E_c\.neck\.weight is NaN .* \(and 1 more tensors\)'):
        load_strictly(Model(), saved() | bad, 'x.pth')


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_another_precision_are_taken(dtype):
    model, state = Model(), saved()
    load_strictly(model, state | {'G.bias': torch.tensor([0.5, 1, 2, 4]).to(dtype)}, 'x.pth')
    assert model.G.bias.tolist() == [0.5, 1, 2, 4]
    assert model.G.bias.dtype == torch.float32


def test_bad_numbers_of_a_network_that_is_not_taken_do_not_matter(logged):
    state = saved() | {'D.weight': torch.full((1,), torch.nan)}
    load_for_evaluation(Model(), state, 'x.pth')
    assert 'not used: D (1 tensors)' in logged[0]
