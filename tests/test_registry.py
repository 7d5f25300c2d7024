"""Building from a config: one error with place, value, nearest and known names."""

import pytest

from reidgen.choices import check_keys, one_of
from reidgen.registry import LOSSES, MEMORIES, accepted, build, find, with_options


@LOSSES.register_module()
class ToyBuilt:
    def __init__(self, size: int, colour: str = 'red'):
        self.size, self.colour = size, colour


@LOSSES.register_module()
class ToyBuiltChild(ToyBuilt):
    def __init__(self, weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight


@LOSSES.register_module()
def toy_function(first, **anything):
    return first, anything


def test_what_a_config_describes_is_built_and_the_config_left_alone():
    cfg = dict(type='ToyBuilt', size=3)
    built = build(cfg, LOSSES, 'model.toy')
    assert (built.size, built.colour) == (3, 'red')
    assert cfg == dict(type='ToyBuilt', size=3)
    assert build(dict(type=ToyBuilt, size=4), LOSSES).size == 4
    assert build(dict(type='ToyBuilt', size=5), (MEMORIES, LOSSES)).size == 5
    assert build(dict(type='toy_function', first=1, second=2), LOSSES) == (1, dict(second=2))
    child = build(dict(type='ToyBuiltChild', size=6, weight=0.5), LOSSES)
    assert (child.size, child.weight) == (6, 0.5)


def test_a_default_stands_for_a_type_that_is_not_named():
    assert build(dict(size=3), LOSSES, default='ToyBuilt').size == 3
    assert build(dict(type='ToyBuiltChild', size=3), LOSSES, default='ToyBuilt').weight == 1.0


@pytest.mark.parametrize(
    'cfg, error',
    [
        (
            dict(type='ToyBilt', size=3),
            r"^model\.toy: no loss is registered as 'ToyBilt' \(did you mean 'ToyBuilt'\?\); "
            r'known: .*GANLoss.*custom_imports',
        ),
        (
            dict(type='ToyBuilt', size=3, color='blue'),
            r"^model\.toy: ToyBuilt takes no 'color' \(did you mean 'colour'\?\); "
            r'known: size, colour$',
        ),
        (
            dict(type='ToyBuilt'),
            r'^model\.toy: ToyBuilt needs size; set model\.toy\.size\. .*colour',
        ),
        (
            dict(type='ToyBuiltChild', sizes=3),
            r"^model\.toy: ToyBuiltChild takes no 'sizes' .*'size'.*known: weight, size, colour",
        ),
        (
            dict(size=3),
            r"^model\.toy is {'size': 3}; give dict\(type='Name', \.\.\.\) with one of .*Toy",
        ),
        ('ToyBuilt', r"^model\.toy is 'ToyBuilt'; give dict\(type='Name'"),
        (None, r'^model\.toy is None; give dict'),
    ],
)
def test_what_cannot_be_built_is_one_error_with_place_value_and_names(cfg, error):
    with pytest.raises(ValueError, match=error):
        build(cfg, LOSSES, 'model.toy')


def test_the_registry_is_the_place_where_none_is_given():
    with pytest.raises(ValueError, match=r"^loss: ToyBuilt takes no 'x'"):
        build(dict(type='ToyBuilt', x=1), LOSSES)


def test_options_follow_arguments_that_are_given_already():
    assert with_options(ToyBuilt, dict(colour='blue'), 'toy', 3).size == 3
    with pytest.raises(ValueError, match=r"^toy: ToyBuilt takes no 'size'; known: colour$"):
        with_options(ToyBuilt, dict(size=4), 'toy', 3)
    with pytest.raises(ValueError, match=r'^toy is \[1\]; give the options of ToyBuilt, dict'):
        with_options(ToyBuilt, [1], 'toy', 3)


def test_accepted_arguments_are_collected_through_kwargs():
    assert accepted(ToyBuiltChild) == ['weight', 'size', 'colour']
    assert accepted(toy_function) is None


def test_find_tells_a_place_only_where_there_is_one():
    with pytest.raises(ValueError, match=r"^no loss, memory is registered as 'X'"):
        find('X', LOSSES, MEMORIES)


def test_one_of_gives_the_value_or_names_place_nearest_and_all():
    assert one_of('cross', ('cross', 'cycle'), 'model.adv_on') == 'cross'
    with pytest.raises(
        ValueError,
        match=r"^model\.adv_on is 'cros' \(did you mean 'cross'\?\); choose one of cross, cycle$",
    ):
        one_of('cros', ('cross', 'cycle'), 'model.adv_on')


@pytest.mark.parametrize('value', [True, 1.0, '1', None])
def test_what_only_equals_a_choice_is_none(value):
    with pytest.raises(ValueError, match='choose one of 0, 1'):
        one_of(value, (0, 1), 'freeze_at')


def test_check_keys_tells_the_first_unknown_one():
    check_keys(['a'], ['a', 'b'], 'here')
    with pytest.raises(ValueError, match=r"^here: unknown key 'x'; known: a, b$"):
        check_keys(['a', 'x', 'y'], ['a', 'b'], 'here')
