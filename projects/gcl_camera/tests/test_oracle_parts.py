"""The benchmark that takes the oracle apart: its copies and its stages."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import pytest
from oracle_parts import PARTS, configure, parse_args, render_person

from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import check_config
from reidgen.engine.stages import parse_stages
from reidgen.synthetic import Plan
from reidgen.synthetic.plan import Job

pytestmark = pytest.mark.slow


def test_a_person_is_copied_once_a_part_under_the_names_of_the_images(tmp_path):
    job = Job('train', 1)
    for part in PARTS:
        (tmp_path / part).mkdir()
    render_person(tmp_path, 'synth_a2b', job)
    names = {f'{picture.name}.jpg' for picture in Plan.of('synth_a').pictures(job)}
    views = {}
    for part in PARTS:
        assert {path.name for path in (tmp_path / part).iterdir()} == names
        views[part] = read_rgb(tmp_path / part / min(names)).numpy().astype(int)
    # person and scene are those of `both`, each where the other copy has the source's
    both, person, scene = (views[part] for part in ('both', 'person', 'scene'))
    near = np.minimum(np.abs(both - person), np.abs(both - scene)).max(0)
    assert (near <= 6).mean() > 0.95
    assert np.abs(person - scene).mean() > 5
    stamp = (tmp_path / 'both' / min(names)).stat().st_mtime_ns
    render_person(tmp_path, 'synth_a2b', job)
    assert (tmp_path / 'both' / min(names)).stat().st_mtime_ns == stamp


def test_every_part_is_a_branch_from_the_same_encoder(tmp_path):
    cfg = configure(parse_args(['--out', str(tmp_path), '--load-from', 'stage_identity.pth']))
    check_config(cfg)
    stages = parse_stages(cfg.train_cfg.stages, cfg.train_cfg.first_stage)
    assert [stage.name for stage in stages] == ['control', *PARTS, 'oracle']
    assert [stage.start for stage in stages] == ['last'] + ['loaded'] * 4
    assert len({(stage.iters, str(stage.lr)) for stage in stages}) == 1
    assert cfg.oracle.domain == 'synth_a2b'
    assert [stage.baselines for stage in stages] == [('direct', 'adabn', 'adabn_camera')] + [()] * 4


def test_the_oracle_and_the_folder_are_those_of_the_config():
    night = Path(__file__).resolve().parents[1] / 'configs' / 'gcl_camera_synth_n.py'
    args = parse_args([str(night)])
    assert Path(args.out).parts[-2:] == ('oracle_parts', 'gcl_camera_synth_n')
    cfg = configure(args)
    assert cfg.oracle.domain == 'synth_a2n'
    stages = [stage.name for stage in cfg.train_cfg.stages]
    assert stages == ['identity', 'control', *PARTS, 'place', 'oracle']
    views = cfg.train_dataloader.person.dataset.second
    assert Path(views.root).parts[-2:] == ('gcl_camera_synth_n', 'person')
