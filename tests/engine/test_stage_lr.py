import pytest

from reidgen.engine.stage_lr import check_rule, lr_factor


@pytest.mark.parametrize('k', range(10))
def test_halving_ten_times_in_a_stage(k):
    iters = 41280
    lr = 1e-4 * lr_factor(k * iters // 10, iters, every=iters // 10, gamma=0.5)
    assert lr == pytest.approx(1e-4 * 0.5**k)
    assert 1e-4 * lr_factor((k + 1) * iters // 10 - 1, iters, every=iters // 10, gamma=0.5) == lr


@pytest.mark.parametrize('k', range(4))
def test_tenths_at_every_multiple_are_the_literal_rate_of_the_encoder(k):
    assert 3.5e-4 * lr_factor(100 * k, 400, every=100, gamma=0.1) == pytest.approx(3.5e-4 * 0.1**k)


def test_milestones_count_from_the_iteration_itself():
    rates = [lr_factor(done, 6, milestones=(2, 4), gamma=0.1) for done in range(6)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_warmup_rises_from_one_over_its_length():
    rates = [lr_factor(done, 8, warmup=4) for done in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_warmup_multiplies_a_rule_that_already_falls():
    assert lr_factor(1, 8, warmup=4, every=1, gamma=0.5) == pytest.approx(0.5 * 2 / 4)


def test_linear_fall_would_be_0_at_the_end_of_the_stage():
    rates = [lr_factor(done, 10, linear_from=6) for done in range(10)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_linear_fall_in_units_stands_between_updates():
    rates = [lr_factor(done, 12, linear_from=4, unit=4) for done in range(12)]
    assert rates == pytest.approx([1] * 8 + [0.5] * 4)


def test_floor_holds_but_for_the_warmup():
    assert lr_factor(9, 10, every=1, gamma=0.5, floor=0.1) == 0.1
    assert lr_factor(0, 10, warmup=20, floor=0.1) == pytest.approx(0.05)


def test_scale_is_a_factor_throughout():
    assert lr_factor(5, 10, scale=3.0, every=5, gamma=0.5) == 1.5


@pytest.mark.parametrize('rule', [dict(gamma=0.5), dict(every=3), dict(milestones=(3,))])
def test_gamma_and_its_places_need_one_another(rule):
    with pytest.raises(ValueError, match='gamma together with every or milestones'):
        lr_factor(0, 10, **rule)


@pytest.mark.parametrize(
    'rule, error',
    [
        (dict(gamma='x', every=3), "gamma is 'x'; set it to a number from 0"),
        (dict(scale=-1.0), r'scale is -1.0; set it to a number from 0'),
        (dict(every=0, gamma=0.1), 'every is 0; set it to a whole number from 1'),
        (dict(linear_from=2, unit=0), 'unit is 0; set it to a whole number from 1'),
        (dict(warmup=-3), 'warmup is -3; set it to a whole number from 0'),
        (dict(milestones=270, gamma=0.1), 'milestones is 270; set it to a list of whole numbers'),
        (dict(gamma=0.1), 'gamma together with every or milestones'),
    ],
)
def test_a_value_that_no_rule_can_have_is_refused_with_the_fix(rule, error):
    with pytest.raises(ValueError, match=error):
        check_rule(rule, 10)


def test_a_rule_that_names_its_defaults_passes():
    check_rule(dict(scale=1, warmup=0, every=None, milestones=(2,), gamma=0, unit=1), 10)
