import json

import numpy as np
import pytest
from mmengine.visualization import LocalVisBackend
from PIL import Image

from reidgen.visualization.curves import (
    draw_cmc,
    draw_diagnostics,
    draw_loss_curves,
    read_scalars,
)


def shown(path):
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB')).astype(int)


def write(path, *lines):
    path.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    return path


def test_cmc_of_two_runs_is_drawn_in_two_colours(tmp_path):
    draw_cmc(
        {'direct': np.array([0.3, 0.5, 0.6]), 'adabn': np.array([0.4, 0.7])},
        tmp_path / 'new' / 'cmc.png',
    )
    picture = shown(tmp_path / 'new' / 'cmc.png')
    assert picture.shape == (540, 840, 3)
    blue = (picture == (0x1F, 0x77, 0xB4)).all(2).sum()  # matplotlib's first two colours
    orange = (picture == (0xFF, 0x7F, 0x0E)).all(2).sum()
    assert blue > 100
    assert orange > 100


def test_cmc_in_per_cent_or_empty_is_refused(tmp_path):
    with pytest.raises(ValueError, match='CMC of gcl must be a vector within'):
        draw_cmc({'gcl': np.array([30.0, 50.0])}, tmp_path / 'cmc.png')
    with pytest.raises(ValueError, match='no CMC curve'):
        draw_cmc({}, tmp_path / 'cmc.png')


def test_scalars_of_mmengine_are_read_back(tmp_path):
    backend = LocalVisBackend(str(tmp_path))
    backend.add_scalars({'G/loss': 2.5, 'G/loss_recon.t2t': 1.5, 'lr': 0.1, 'iter': 10}, step=10)
    backend.add_scalars({'mAP': 12.0}, step=10)
    backend.add_scalars({'G/loss': 2.0, 'G/loss_recon.t2t': 1.0, 'lr': 0.1, 'iter': 20}, step=20)
    curves = read_scalars(tmp_path / 'scalars.json')
    assert set(curves) == {'G/loss', 'G/loss_recon.t2t', 'lr', 'mAP'}
    assert [each.tolist() for each in curves['G/loss']] == [[10, 20], [2.5, 2.0]]
    assert [each.tolist() for each in curves['mAP']] == [[10], [12.0]]


def test_of_a_step_logged_twice_the_later_stays(tmp_path):
    log = write(
        tmp_path / 'scalars.json',
        {'loss': 1.0, 'step': 10},
        {'loss': 2.0, 'step': 20},
        {'loss': 3.0, 'step': 20},
        {'loss': 4.0, 'step': 15, 'note': 'resumed'},
    )
    assert [each.tolist() for each in read_scalars(log)['loss']] == [[10, 15, 20], [1, 4, 3]]


def test_losses_get_a_plot_a_phase(tmp_path):
    log = write(
        tmp_path / 'scalars.json',
        *(
            {'D/loss': 5 - i, 'G/loss': 3 + i, 'G/loss_adv.Ds': i, 'lr': 1, 'step': i}
            for i in range(4)
        ),
    )
    draw_loss_curves(log, tmp_path / 'all.png')
    draw_loss_curves(log, tmp_path / 'one.png', keys=['D/loss'])
    assert shown(tmp_path / 'all.png').shape == (2 * 540, 840, 3)
    assert shown(tmp_path / 'one.png').shape == (540, 840, 3)


def test_unknown_terms_and_files_are_named(tmp_path):
    log = write(tmp_path / 'scalars.json', {'D/loss': 1.0, 'step': 1})
    with pytest.raises(ValueError, match='logs no G/los; it has: D/loss'):
        draw_loss_curves(log, tmp_path / 'x.png', keys=['G/los'])
    with pytest.raises(ValueError, match='logs no loss; it has: lr'):
        draw_loss_curves(write(tmp_path / 'b.json', {'lr': 1, 'step': 1}), tmp_path / 'x.png')
    with pytest.raises(FileNotFoundError, match=r'no log .*none\.json'):
        read_scalars(tmp_path / 'none.json')
    for damaged in ('{"loss": 2, "st\n{"loss": 3, "step": 3}', '{"loss": 2, "st\n', '{"loss": 2}'):
        (tmp_path / 'cut.json').write_text('{"loss": 1, "step": 1}\n' + damaged)
        with pytest.raises(ValueError, match='line 2: no JSON object'):
            read_scalars(tmp_path / 'cut.json')


def test_a_last_line_that_was_cut_short_is_passed_over_with_a_warning(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        'reidgen.visualization.curves.print_log', lambda message, *_: told.append(message)
    )
    (tmp_path / 'cut.json').write_text('{"loss": 1, "step": 1}\n{"loss": 2, "st')
    assert [each.tolist() for each in read_scalars(tmp_path / 'cut.json')['loss']] == [[1], [1]]
    assert told == [f'{tmp_path}/cut.json, line 2, the last, is incomplete and is passed over']


@pytest.mark.slow
def test_a_diagnosis_has_a_plot_for_each_kind_of_curve_and_a_line_for_each_code(tmp_path):
    names = ('D/D.d_loss', 'D/D.g_loss', 'D/D.gap', 'rho.s2t', 'rho.t2s')
    curves = {name: dict(iter=[10, 20, 30], value=[1.0, 0.5, 0.7]) for name in names}
    for name, fired in dict(silent=[], told=[(20, 'COLLAPSE')]).items():
        draw_diagnostics(curves, fired, tmp_path / f'{name}.png')
    silent, told = shown(tmp_path / 'silent.png'), shown(tmp_path / 'told.png')
    assert silent.shape == told.shape == (3 * 540, 840, 3)  # losses, gap, rho
    red = [((picture == (255, 0, 0)).all(2)).any(1) for picture in (silent, told)]
    assert not red[0].any()
    assert all(third.any() for third in np.split(red[1], 3))
    with pytest.raises(ValueError, match='no curve to draw'):
        draw_diagnostics({}, [], tmp_path / 'none.png')
