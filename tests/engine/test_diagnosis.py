"""Codes of adversarial trainings, each on made-up curves."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from reidgen.engine.diagnosis import CODES, GANRecord, Thresholds, objective_of
from reidgen.engine.diagnosis.rules import distinct_share, fall, swings

BCE, LSGAN = objective_of('bce'), objective_of('lsgan')
EVERY = 10  # iterations between evaluations
DIVERSE = dict(G=0.9)


def outputs(kind: str, real: float, fake: float, losses: tuple[float, float, float]) -> dict:
    """Log of a discriminator: mean outputs, and the losses of real, fake and the generator."""
    names = ('D/loss_adv.D.real', 'D/loss_adv.D.fake', 'G/loss_adv.D')
    return dict(zip(names, losses)) | {
        f'D/stat.D.{kind}_real': real,
        f'D/stat.D.{kind}_fake': fake,
    }


def bce(p_real: float, p_fake: float) -> dict:
    """Log of BCE where all images have the same output."""
    losses = -math.log(p_real), -math.log(1 - p_fake), -math.log(p_fake)
    return outputs('p', p_real, p_fake, losses)


def began(k: float, d_real: float, d_fake: float, gamma: float = 0.5) -> dict:
    balance = gamma * d_real - d_fake
    statistics = {'stat.k': k, 'stat.balance': balance, 'stat.M': d_real + abs(balance)}
    return {'G/loss_adv.D': d_fake} | {f'D/{key}': value for key, value in statistics.items()}


def run(log, iterations=500, objective=BCE, record=None, batch=256, **measured) -> GANRecord:
    """A record after a training; what is a function is one of the iteration."""
    record = record or GANRecord(warmup=0)
    for n in range(1, iterations + 1):
        record.update(log(n) if callable(log) else log)
        if n % EVERY == 0:
            now = {key: v(n) if callable(v) else v for key, v in measured.items()}
            record.evaluate(n, objective, batch_size=batch, **now)
    record.finish(iterations)
    return record


def codes(record: GANRecord) -> set[str]:
    return {each['code'] for each in record.state['fired']}


def unbalanced(d_fake: float, k: float = 0.05) -> dict:
    """BEGAN whose losses are neither in the ratio gamma nor far from it."""
    return began(k, (d_fake + 0.025) / 0.5, d_fake)


HEALTHY = bce(0.7, 0.3)
CURVES = {
    'COLLAPSE': dict(log=HEALTHY, rho=dict(G=0.01)),
    'LOW_DIVERSITY': dict(log=HEALTHY, rho=dict(G=0.3)),
    'DIVERGED': dict(log=HEALTHY, rho=dict(G=5.3)),
    'D_TOO_STRONG': dict(log=bce(0.997, 0.003), rho=DIVERSE),
    'D_TOO_WEAK': dict(log=bce(0.5, 0.5), rho=DIVERSE),
    'BCE_EQUILIBRIUM': dict(log=outputs('p', 0.6, 0.35, (0.68, 0.72, 2.5)), rho=DIVERSE),
    'DATA_TOO_WILD': dict(
        log=outputs('p', 0.5, 0.25, (0.8, 0.3, 1.4)), rho=DIVERSE, div_real=dict(G=0.34)
    ),
    'K_ZERO': dict(log=began(0.0, 0.14, 0.045), iterations=2300, rho=DIVERSE),
    'K_VANISHING': dict(
        log=unbalanced(0.07, k=0.005),
        record=GANRecord(Thresholds(k_vanishing_after=200), warmup=0),
        rho=DIVERSE,
    ),
    'K_SATURATED': dict(log=unbalanced(0.045, k=1.0), iterations=600, rho=DIVERSE),
    'BALANCED': dict(log=began(0.048, 0.14, 0.068), rho=dict(G=0.92)),
    'D_FAKE_PULLING': dict(
        log=lambda n: unbalanced(0.07 * (1 + 0.3 * math.sin(math.tau * n / 300))),
        iterations=1200,
        rho=DIVERSE,
    ),
    'LOSS_VIBRATION': dict(log=lambda n: unbalanced(0.02 if n % 2 else 0.12), rho=DIVERSE),
    'NOT_CONVERGED': dict(
        log=lambda n: began(0.05, 0.3 - 0.1 * n / 500, 0.35 * (0.3 - 0.1 * n / 500)),
        record=GANRecord(Thresholds(window=200), warmup=0),
        rho=DIVERSE,
    ),
}


@pytest.mark.parametrize('code', CURVES)
def test_a_code_fires_on_its_curve_and_no_other_does(code):
    curve = dict(CURVES[code])
    curve['record'] = curve.get('record', GANRecord(warmup=0))
    assert codes(run(**curve)) == {code}


def test_every_code_has_a_curve_or_a_test_of_its_own():
    assert set(CODES) - set(CURVES) == {'BATCH_SMALL', 'DATA_LOW_DIVERSITY'}


@pytest.mark.parametrize(
    'log,mode',
    [
        (bce(0.7, 0.3), 'bce'),
        (bce(0.7, 0.3), 'bce_prob'),
        (outputs('o', 0.58, 0.41, (0.23, 0.22, 0.4)), 'lsgan'),
        (outputs('o', 0.4, -0.5, (0.7, 0.6, 0.5)), 'hinge'),
        (outputs('o', 3.0, 1.0, (-3.0, 1.0, -1.0)), 'wgan'),
        (outputs('o', 1.2, 0.2, (0.4, 0.4, 1.4)), 'relativistic_avg'),
    ],
)
def test_a_healthy_training_fires_no_code_and_is_good(log, mode):
    record = run(log, objective=objective_of(mode), rho=DIVERSE, div_real=dict(G=0.2))
    assert codes(record) == set()
    assert record.verdict == 'good'


@pytest.mark.parametrize(
    'log,mode,code',
    [
        (outputs('o', 0.95, 0.04, (0.01, 0.01, 0.95)), 'lsgan', 'D_TOO_STRONG'),
        (outputs('o', 0.5, 0.5, (0.25, 0.25, 0.25)), 'lsgan', 'D_TOO_WEAK'),
        (outputs('o', 1.5, -1.5, (0.02, 0.02, 1.5)), 'hinge', 'D_TOO_STRONG'),
        (outputs('o', 0.0, 0.0, (1.0, 1.0, 0.0)), 'hinge', 'D_TOO_WEAK'),
        (outputs('o', 4.0, -4.0, (0.01, 0.01, 8.0)), 'relativistic_avg', 'D_TOO_STRONG'),
        (outputs('o', 2.0, 2.0, (0.7, 0.7, 1.4)), 'relativistic_avg', 'D_TOO_WEAK'),
        (outputs('o', 1.0, 1.2, (-1.0, 1.2, -1.2)), 'wgan', 'D_TOO_WEAK'),
        (outputs('p', 0.96, 0.02, (0.01, 0.01, 0.95)), 'lsgan_sigmoid', 'D_TOO_STRONG'),
    ],
)
def test_strength_of_a_discriminator_is_judged_by_the_forms_of_its_objective(log, mode, code):
    assert codes(run(log, objective=objective_of(mode), rho=DIVERSE)) == {code}


def test_terms_that_are_summed_over_scales_are_divided():
    summed = {key: v if 'stat' in key else 3 * v for key, v in bce(0.5, 0.5).items()}
    assert codes(run(summed, objective=replace(BCE, scales=3), rho=DIVERSE)) == {'D_TOO_WEAK'}


def test_an_unknown_objective_leaves_the_discriminators_out():
    assert codes(run(bce(0.5, 0.5), objective=None, rho=dict(G=0.01))) == {'COLLAPSE'}


def test_images_that_jump_have_diverged():
    record = run(HEALTHY, 1300, rho=DIVERSE, motion=lambda n: dict(G=0.01 if n <= 1000 else 0.06))
    assert codes(record) == {'DIVERGED'}
    assert record.state['fired'][0]['where'] == 'G.motion'
    assert record.state['fired'][0]['iter'] == 1000 + 20 * EVERY


def test_a_collapse_with_a_small_batch_asks_for_a_larger_one():
    assert codes(run(HEALTHY, rho=dict(G=0.0), batch=32)) == {'COLLAPSE', 'BATCH_SMALL'}
    assert codes(run(HEALTHY, rho=dict(G=0.0), batch=33)) == {'COLLAPSE'}


def test_copies_of_few_images_are_found_in_the_data():
    rng = np.random.default_rng(0)
    base = [int(value) for value in rng.integers(0, 2**64, 194, np.uint64)]
    copies = [value ^ (1 << int(rng.integers(64))) for value in base for _ in range(33)]
    assert distinct_share(copies) == pytest.approx(194 / (194 * 33), rel=0.02)
    record = GANRecord()
    (fired,) = record.note_data(0, 'real', copies)
    assert fired.code == 'DATA_LOW_DIVERSITY'
    assert record.note_data(0, 'real', base) == []
    assert distinct_share([0, 2**11 - 1, 2**10 - 1]) == pytest.approx(2 / 3)  # 11, 10 bits


def test_rules_are_silent_during_warmup_and_need_patience():
    def first(warmup, patience):
        record = run(HEALTHY, record=GANRecord(warmup=warmup, patience=patience), rho=dict(G=0.01))
        return [each['iter'] for each in record.state['fired']]

    assert first(0, 20) == [200]
    assert first(100, 20) == [300]  # evaluations at 110, 120, ..., 300
    assert first(0, 3) == [30]
    assert first(0, 51) == []


def test_a_code_that_was_gone_as_long_fires_again_and_is_not_the_first():
    record = GANRecord(warmup=0, patience=3)

    def rho(n):
        return dict(G=0.01 if n <= 50 or 80 < n <= 200 or n > 220 else 0.9)

    run(HEALTHY, 400, record=record, rho=rho)
    fired = [(each['iter'], each['first']) for each in record.state['fired']]
    assert fired == [(30, True), (110, False)]  # gone at 60, 70, 80; at 210, 220 not long enough


def test_the_verdict_is_that_of_the_latest_evaluation():
    def verdict(rho, log=HEALTHY, **options):
        return run(log, rho=rho, **options).verdict

    assert verdict(DIVERSE) == 'good'
    assert verdict(dict(G=0.9, F=0.3)) == 'low_diversity'
    assert verdict(dict(G=0.9, F=0.01)) == 'collapsed'
    assert verdict(dict(G=0.9, F=2.5)) == 'diverged'
    assert verdict(None) == 'undecided'
    assert verdict(DIVERSE, bce(0.5, 0.5)) == 'undecided'
    assert verdict(lambda n: dict(G=0.01 if n < 300 else 0.9)) == 'good'
    assert verdict(DIVERSE, record=GANRecord(warmup=500)) == 'undecided'


def test_a_loss_that_is_no_number_has_diverged():
    record = run(HEALTHY, rho=DIVERSE)
    fired = record.broken(501, 'iteration 501, phase D: adv.D.real = nan')
    assert (fired.code, record.verdict) == ('DIVERGED', 'diverged')
    report = json.loads(json.dumps(record.report(), allow_nan=False))
    assert 'adv.D.real = nan' in report['error']


def test_a_record_goes_on_from_its_state_to_the_same_bits():
    def log(n):
        return began(0.05 + 0.01 * math.sin(n), 0.2 + 0.01 * math.cos(3 * n), 0.08 + 1e-3 * (n % 7))

    whole, first = GANRecord(warmup=100, patience=3), GANRecord(warmup=100, patience=3)
    resumed = GANRecord(warmup=100, patience=3)
    for n in range(1, 401):
        if n == 206:
            resumed.state = json.loads(json.dumps(first.state))
        for record in (whole, first if n < 206 else resumed):
            record.update(log(n))
            if n % EVERY == 0:
                record.evaluate(n, None, dict(G=0.01 + n / 500), dict(G=0.01))
    assert json.dumps(resumed.state) == json.dumps(whole.state)
    assert resumed.report() == whole.report()


def test_the_mean_is_plain_at_first_and_exponential_later():
    record = GANRecord(decay=0.75)
    assert not record.update({'I/loss': 9.0})  # nothing is taken before the first adversarial term
    for value in (1.0, 2.0, 6.0, 3.0, 7.0):
        assert record.update({'D/loss_adv.D.real': value})
    # 1, 1.5, 3, 3, then a quarter of the way to 7
    assert record.report()['smoothed'] == {'D/loss_adv.D.real': pytest.approx(4.0)}


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
@pytest.mark.parametrize(
    'noise',
    [dict(), dict(real=(0.7, 1.0)), dict(flip_prob=0.1), dict(real=(0.9, 0.9), fake=(0, 0.3))],
)
def test_floor_and_guess_are_the_least_losses_over_outputs(mode, noise):
    objective = objective_of(mode, **noise)
    real, fake = noise.get('real', (1, 1)), noise.get('fake', (0, 0))
    flip = noise.get('flip_prob', 0.0)
    targets = [np.linspace(low, high, 401) for low, high in (real, fake)]
    out = np.linspace(1e-6, 1 - 1e-6, 2001)[:, None]

    def loss(y):
        if mode == 'bce':
            return -(y * np.log(out) + (1 - y) * np.log(1 - out))
        return (out - y) ** 2

    mean = [loss(y[None]).mean(1) for y in targets]
    told_real = (1 - flip) * mean[0] + flip * mean[1]
    told_fake = (1 - flip) * mean[1] + flip * mean[0]
    assert objective.floor == pytest.approx(told_real.min() + told_fake.min(), abs=1e-3)
    assert objective.guess == pytest.approx((told_real + told_fake).min(), abs=1e-3)
    span = out[told_real.argmin(), 0] - out[told_fake.argmin(), 0]
    assert objective.span == pytest.approx(span, abs=2e-3)


def test_a_guess_costs_what_the_papers_say():
    expected = dict(bce=2 * math.log(2), lsgan=0.5, hinge=2.0, relativistic_avg=2 * math.log(2))
    assert {mode: objective_of(mode).guess for mode in expected} == pytest.approx(expected)


def test_swings_are_counted_where_the_curve_comes_back():
    assert swings([1.0, 1.2, 1.0, 1.2, 1.0], 0.1) == 3
    assert swings([1.0, 1.05, 1.0, 1.05], 0.1) == 0
    assert swings([1.0, 0.8, 0.6, 0.4], 0.1) == 0
    assert swings([], 0.1) == 0


def test_a_fall_is_that_of_the_last_window_alone():
    assert fall([0, 100, 200], [5.0, 2.0, 1.5], 100) == pytest.approx(0.25)
    assert fall([0, 50], [5.0, 2.0], 100) is None


def test_thresholds_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r'thresholds.motion is -1; it must be a number from 0'):
        Thresholds(motion=-1)
    with pytest.raises(ValueError, match=r'collapse 0\.6, low_diversity 0\.5 and diverged'):
        Thresholds(collapse=0.6)
