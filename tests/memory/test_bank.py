import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reidgen.memory import FeatureBank
from reidgen.registry import MEMORIES


@pytest.fixture
def bank() -> FeatureBank:
    bank = FeatureBank(num_samples=4, dim=2, momentum=0.2)
    bank.fill(
        torch.tensor([[3.0, 0.0], [0.0, 2.0], [3.0, 4.0], [-1.0, 0.0]]), torch.tensor([0, 0, 1, -1])
    )
    return bank


def test_fill_normalises_rows_and_keeps_labels(bank):
    expected = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]])
    assert torch.allclose(bank.features, expected)
    assert bank.labels.tolist() == [0, 0, 1, -1]
    assert bank.labels.dtype == torch.int64


def test_momentum_is_the_weight_of_the_old_row(bank):
    bank.update(torch.tensor([0]), torch.tensor([[0.0, 7.0]]))
    # 0.2 (1, 0) + 0.8 (0, 1), of length sqrt(0.68)
    assert torch.allclose(bank.features[0], torch.tensor([0.2, 0.8]) / 0.68**0.5)


def test_update_moves_the_rows_of_the_batch_alone_and_keeps_them_unit(bank):
    before = bank.features.clone()
    torch.manual_seed(0)
    bank.update(torch.tensor([3, 1]), torch.randn(2, 2, requires_grad=True))
    assert torch.equal(bank.features[[0, 2]], before[[0, 2]])
    assert not torch.allclose(bank.features[[1, 3]], before[[1, 3]])
    assert torch.allclose(bank.features.norm(dim=1), torch.ones(4))
    assert not bank.features.requires_grad


def test_momentum_one_keeps_the_old_row_and_zero_the_new_one():
    for momentum in (0.0, 1.0):
        bank = FeatureBank(2, 2, momentum)
        bank.fill(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        old = bank.features[0].clone()
        bank.update(torch.tensor([0]), torch.tensor([[0.0, -3.0]]))
        expected = old if momentum else torch.tensor([0.0, -1.0])
        assert torch.allclose(bank.features[0], expected)


def test_an_index_that_comes_twice_takes_its_last_embedding(bank):
    twin = FeatureBank(4, 2, 0.2)
    twin.load_state_dict(bank.state_dict())
    bank.update(
        torch.tensor([2, 0, 2, 2]), torch.tensor([[1.0, 0.0], [5.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])
    )
    twin.update(torch.tensor([0, 2]), torch.tensor([[5.0, 1.0], [-1.0, 1.0]]))
    assert torch.equal(bank.features, twin.features)


class WrittenRows(TorchDispatchMode):
    """Row indices and values of every assignment by index."""

    def __init__(self):
        super().__init__()
        self.rows, self.values = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.index_put_.default:
            self.rows += [args[1][0].tolist()]
            self.values += [args[2].clone()]
        return function(*args, **(kwargs or {}))


def test_a_row_that_is_written_twice_is_given_one_value_as_a_gpu_has_no_order(bank):
    with WrittenRows() as written:
        bank.update(torch.tensor([2, 0, 2]), torch.randn(3, 2))
    assert written.rows == [[2, 0, 2]]
    first, _, last = written.values[0]
    assert torch.equal(first, last)


def test_a_bank_that_a_checkpoint_empties_is_not_taken_for_filled(bank):
    bank.read()
    bank.load_state_dict(FeatureBank(4, 2).state_dict())
    with pytest.raises(RuntimeError, match=r'has not been filled'):
        bank.read()


@pytest.mark.parametrize('value', [torch.nan, torch.inf])
def test_features_that_are_no_numbers_never_reach_the_rows(value, bank):
    before = bank.features.clone()
    with pytest.raises(FloatingPointError, match=r'1 of 2 features .* the first for row 3: look'):
        bank.update(torch.tensor([1, 3]), torch.tensor([[1.0, 0.0], [value, 1.0]]))
    with pytest.raises(FloatingPointError, match=r'1 of 4 features .* the first for row 2: look'):
        bank.fill(torch.ones(4, 2).index_fill(0, torch.tensor([2]), value), torch.zeros(4))
    assert torch.equal(bank.features, before)


def test_a_wrong_size_is_refused_with_the_right_number():
    bank = FeatureBank(12936, 2)
    with pytest.raises(
        ValueError, match=r'12936 rows, but there are 3 .* set model.bank.num_samples=3'
    ):
        bank.fill(torch.randn(3, 2), torch.zeros(3))
    bank = FeatureBank(3, 512)
    with pytest.raises(ValueError, match=r'set model.bank.dim=2048'):
        bank.fill(torch.randn(3, 2048), torch.zeros(3))
    with pytest.raises(ValueError, match=r'labels are \(2,\)'):
        bank.fill(torch.randn(3, 512), torch.zeros(2))
    assert not bank.filled


def test_use_before_filling_is_refused():
    bank = FeatureBank(3, 2)
    with pytest.raises(RuntimeError, match='has not been filled; call fill'):
        bank.read()
    with pytest.raises(RuntimeError, match='has not been filled'):
        bank.update(torch.tensor([0]), torch.randn(1, 2))


def test_a_saved_bank_comes_back_filled(bank):
    restored = FeatureBank(4, 2)
    restored.load_state_dict(bank.state_dict())
    features, labels = restored.read()
    assert torch.equal(features, bank.features)
    assert torch.equal(labels, bank.labels)
    assert list(bank.parameters()) == []


def test_a_config_builds_the_bank_and_a_wrong_momentum_is_named():
    assert MEMORIES.build({'type': 'FeatureBank', 'num_samples': 5, 'dim': 3}).features.shape == (
        5,
        3,
    )
    with pytest.raises(ValueError, match='momentum is 2; set the share of the old row'):
        FeatureBank(3, 2, momentum=2)
