"""Rendered faces as pairs, recognition by angle, and the evaluation on a tiny rendering."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.face_frontalization import evaluate
from projects.face_frontalization.face_frontalization import FrontalPairs, RenderedFaces
from projects.face_frontalization.face_frontalization.recognition import means_by_angle, rank1_hits
from reidgen.datasets import SyntheticFaces
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.config import load_config
from reidgen.registry import MODELS, build

CONFIG = Path(__file__).parents[1] / 'configs/setting1_3_synth.py'


# ---- recognition ----


def test_a_probe_is_looked_for_under_other_lights_alone():
    gallery = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [4, 3], [0, 1], [0, 1]]))
    gallery_pids, gallery_lights = torch.tensor([7, 8, 7, 8]), torch.tensor([1, 1, 2, 2])
    probes = torch.tensor([[1.0, 0], [1.0, 0], [0, 1.0]])
    # under light 1: nearest of the rows of light 2 is the first of equals, person 7
    # under light 5, as the truth: row 0; under light 2: row 1 of (3/5 against 0)
    hits = rank1_hits(
        probes,
        gallery,
        torch.tensor([7, 8, 7]),
        gallery_pids,
        torch.tensor([1, 5, 2]),
        gallery_lights,
    )
    assert hits.tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r'1 of 1 probes, the first of person 9, have no frontal'):
        rank1_hits(
            probes[:1],
            gallery,
            torch.tensor([9]),
            gallery_pids,
            torch.tensor([1]),
            gallery_lights,
        )


def test_means_are_of_both_sides_of_an_angle():
    yaws = torch.tensor([-90, 0, 15, 90])
    means = means_by_angle(dict(l1=torch.tensor([1.0, 2.0, 4.0, 3.0])), yaws)
    assert list(means) == ['0', '15', '90', 'all']
    assert means['90'] == dict(num=2, l1=2.0)
    assert means['all'] == dict(num=4, l1=2.5)


# ---- data ----


@pytest.mark.slow
def test_rendered_faces_come_with_their_true_frontal_face(faces):
    pairs = FrontalPairs(
        dict(type='RenderedFaces', root=faces, size='tiny', transforms=[dict(type='RandomFlip')])
    )
    for row in (0, 30, 207):
        record = pairs.dataset.records[row]
        assert torch.equal(pairs[row].second, pairs.dataset.read_truth(record))
    with pytest.raises(ValueError, match=r"gt_mode is 'mean20'.*set gt_mode='fixed07'"):
        FrontalPairs(dict(type='RenderedFaces', root=faces, size='tiny'), gt_mode='mean20')


@pytest.mark.slow
def test_the_frontal_part_is_the_true_face_of_each_training_person(faces):
    frontal = RenderedFaces('tiny', faces, part='frontal')
    assert [record.pid for record in frontal.records] == list(range(1, 9))
    assert {Path(record.path).parent.name for record in frontal.records} == {'truth'}
    assert frontal.frontals(frontal.records[3], 'fixed07') == [frontal.records[3].path]
    assert frontal[3].img.shape == (3, 112, 112)
    with pytest.raises(ValueError, match=r"split is 'query'.*are split='gallery'"):
        RenderedFaces('tiny', faces, 'query', part='frontal')


# ---- evaluation ----


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, faces) -> tuple[str, dict]:
    """Untrained weights, and options of the config for small networks and faces."""
    options = {
        'data_roots.synthetic': faces,
        'test_dataset.size': 'tiny',
        'model.networks.E.weights': None,
        'model.networks.G.base_dim': 8,
        'model.networks.D.base_dim': 8,
    }
    torch.manual_seed(0)
    model = build(load_config(CONFIG, options, reads=('test_dataset',)).model.to_dict(), MODELS)
    path = tmp_path_factory.mktemp('weights') / 'model.pth'
    torch.save(model.state_dict(), path)
    return str(path), options


def args_of(checkpoint, out: Path, more: dict | None = None):
    args = evaluate.parse_args([str(CONFIG), checkpoint[0], '--out', str(out), '--show', '2'])
    args.cfg_options = checkpoint[1] | (more or {})
    return args


@pytest.mark.slow
def test_the_evaluation_writes_errors_and_ranks_by_angle(checkpoint, faces, tmp_path, capsys):
    means = evaluate.evaluate(args_of(checkpoint, tmp_path))
    assert json.loads((tmp_path / 'results.json').read_text())['by_angle'] == means
    assert list(means) == ['0', '15', '30', '45', '60', '75', '90', 'all']
    # 4 persons, 2 lights, both sides
    assert [row['num'] for row in means.values()] == [8] + 6 * [16] + [104]
    queries = SyntheticFaces('tiny', faces, 'query').faces()
    at_90 = [face for face in queries if abs(face.yaw_deg) == 90]
    l1 = [
        (read_rgb(face.record.path).int() - read_rgb(face.truth).int()).abs().double().mean().item()
        for face in at_90
    ]
    assert means['90']['l1_profile'] == pytest.approx(sum(l1) / len(l1))
    # the same moment under another light is its own nearest picture, whatever the features
    assert means['0']['rank1_E_profile'] >= means['90']['rank1_E_profile']
    assert all(0 <= row[key] <= 100 for row in means.values() for key in row if 'rank1' in key)
    assert 'rank1_E_truth' in capsys.readouterr().out
    with Image.open(tmp_path / 'frontalized.png') as picture:
        assert picture.size == (14 * 114 + 2, 14 + 4 * 114 + 2)


@pytest.mark.slow
def test_the_evaluation_refuses_training_persons(checkpoint, tmp_path):
    with pytest.raises(ValueError, match=r"test_dataset\.split is 'train'"):
        evaluate.evaluate(args_of(checkpoint, tmp_path, {'test_dataset.split': 'train'}))


def test_errors_of_images_are_grey_levels_and_ssim():
    flat = torch.full((2, 3, 16, 16), 51, dtype=torch.uint8)  # 0.2 and 0.8 of 255
    bright = torch.full((2, 3, 16, 16), 204, dtype=torch.uint8)
    errors = evaluate.image_errors(flat, bright)
    assert errors['l1'].tolist() == [153, 153]
    # (2 a b + c1) / (a^2 + b^2 + c1) with c1 = 0.01^2, contrast and structure being 1
    assert errors['ssim'].tolist() == pytest.approx([0.3201 / 0.6801] * 2, abs=1e-3)
