import pytest

from reidgen.datasets.from_config import from_config
from reidgen.datasets.transforms import RandomFlip
from reidgen.registry import TRANSFORMS


def test_a_config_becomes_the_object_it_names():
    transform = from_config({'type': 'RandomFlip', 'prob': 0.25}, TRANSFORMS)
    assert isinstance(transform, RandomFlip)
    assert transform.prob == 0.25


def test_misspelt_names_and_arguments_list_what_there_is():
    with pytest.raises(ValueError, match='RandomErase, RandomFlip'):
        from_config({'type': 'RandomFlop'}, TRANSFORMS)
    with pytest.raises(TypeError, match='RandomFlip takes no probability; it takes prob'):
        from_config({'type': 'RandomFlip', 'probability': 0.5}, TRANSFORMS)
    with pytest.raises(TypeError, match=r"given as dict\(type='Name', ...\), not as 'RandomFlip'"):
        from_config('RandomFlip', TRANSFORMS)
