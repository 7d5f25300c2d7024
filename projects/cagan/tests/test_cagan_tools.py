import json
import math
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import alexnet

from projects.cagan import evaluate, swap
from projects.cagan.cagan import ShapesGarments
from projects.cagan.cagan.inference import load_model
from projects.cagan.cagan.inference import swap as swap_one
from projects.cagan.cagan.lpips import LPIPS, TAPS
from projects.cagan.cagan.metrics import regions, ssim_map, swap_errors
from reidgen.engine.config import load_config
from reidgen.registry import MODELS, build
from tests.pictures import read_picture

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LPIPS_MEAN, LPIPS_STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
SMOKE = ROOT / 'projects/cagan/configs/cagan_smoke.py'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory) -> Path:
    """Untrained weights of the smoke config."""
    torch.manual_seed(0)
    model = build(load_config(SMOKE).model, MODELS)
    path = tmp_path_factory.mktemp('weights') / 'cagan.pth'
    torch.save(model.state_dict(), path)
    return path


def set_alpha(checkpoint: Path, value: float, tmp_path: Path) -> Path:
    """Checkpoint of the same weights, with alpha at sigmoid(value) everywhere."""
    state = torch.load(checkpoint, weights_only=True)
    state['G.last.weight'][0], state['G.last.bias'][0] = 0, value
    path = tmp_path / 'alpha.pth'
    torch.save(state, path)
    return path


# ---- measures ----


def test_ssim_has_its_closed_forms():
    flat = torch.full((1, 3, 16, 16), 255.0)
    dim, bright = 0.2 * flat, 0.8 * flat
    assert ssim_map(dim, bright).mean().item() == pytest.approx(0.470666, abs=1e-6)
    picture = 255 * torch.rand(2, 3, 16, 16)
    assert torch.allclose(ssim_map(picture, picture), torch.ones(2, 16, 16).double())
    other = 255 * torch.rand(2, 3, 16, 16)
    assert torch.allclose(ssim_map(picture, other), ssim_map(other, picture))


def test_ssim_of_a_pixel_is_that_of_its_window_computed_slowly():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 255, (2, 15, 15))
    window = np.array(
        [[math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / 4.5) for j in range(11)] for i in range(11)]
    )
    window /= window.sum()
    x, y = a[2:13, 2:13], b[2:13, 2:13]
    mx, my = (window * x).sum(), (window * y).sum()
    vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
    cov = (window * (x - mx) * (y - my)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    found = ssim_map(*(torch.from_numpy(each)[None, None] for each in (a, b)))
    assert found[0, 7, 7].item() == pytest.approx(expected, rel=1e-9)


def test_errors_count_on_their_own_side_of_the_garment_alone():
    garment = torch.zeros(1, 1, 40, 40, dtype=torch.bool)
    garment[..., 10:20, 10:20] = True
    truth = torch.full((1, 3, 40, 40), 100, dtype=torch.uint8)
    inside, outside = regions(garment)
    assert inside.sum() == 100
    assert outside.sum() == 1600 - 16 * 16
    inner, outer = (torch.where(r, truth + 50, truth) for r in (inside, outside))
    ring = torch.where(inside | outside, truth, truth + 50)
    errors = [swap_errors(picture, truth, garment) for picture in (inner, outer, ring)]
    assert [(e['l1_in'].item(), e['l1_out'].item()) for e in errors] == [(50, 0), (0, 50), (0, 0)]
    sure = [(e['ssim_in'].item() > 0.999, e['ssim_out'].item() > 0.999) for e in errors]
    assert sure == [(False, True), (True, False), (True, True)]


def test_a_picture_without_garment_has_no_inside():
    picture = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    errors = swap_errors(picture, picture, torch.zeros(1, 1, 16, 16, dtype=torch.bool))
    assert math.isnan(errors['l1_in'].item())
    assert errors['l1_out'].item() == 0
    rows = [{'l1_in': torch.tensor([3.0, math.nan])}, {'l1_in': torch.tensor([5.0])}]
    assert evaluate.averaged(rows)['l1_in'] == 4


def alexnet_features() -> torch.nn.Sequential:
    """AlexNet features with random weights."""
    with torch.device('meta'):
        network = alexnet(weights=None).features
    network.to_empty(device='cpu')
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network


@pytest.fixture(scope='module')
def lpips_files(tmp_path_factory) -> list[str]:
    """Random AlexNet and random heads, in the layout of the published files."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('lpips')
    state = {f'features.{key}': value for key, value in alexnet_features().state_dict().items()}
    torch.save(state, folder / 'alexnet.pth')
    widths = (64, 192, 384, 256, 256)
    heads = {f'lin{k}.model.1.weight': torch.rand(1, w, 1, 1) for k, w in enumerate(widths)}
    torch.save(heads, folder / 'alex.pth')
    return [str(folder / 'alexnet.pth'), str(folder / 'alex.pth')]


def test_lpips_is_the_weighed_difference_of_normalised_features(lpips_files):
    distance, (backbone, heads) = LPIPS(*lpips_files), lpips_files
    a, b = torch.randint(256, (2, 2, 3, 64, 64), dtype=torch.uint8)
    network = alexnet_features()
    state = torch.load(backbone, weights_only=True)
    network.load_state_dict({key[9:]: value for key, value in state.items()})
    scale = [torch.tensor(values).view(3, 1, 1) for values in (LPIPS_MEAN, LPIPS_STD)]
    expected = torch.zeros(2)
    for tap, weight in zip(TAPS, torch.load(heads, weights_only=True).values()):
        found = []
        for picture in (a, b):
            x = (picture / 127.5 - 1 - scale[0]) / scale[1]
            x = network[: tap + 1](x)
            found.append(x / (x**2).sum(1, keepdim=True).sqrt())
        difference = (found[0] - found[1]) ** 2 * weight.view(1, -1, 1, 1)
        expected += difference.sum(1).mean((1, 2))
    assert torch.allclose(distance(a, b), expected, rtol=1e-4)
    assert distance(a, a).tolist() == [0, 0]
    with pytest.raises(ValueError, match="must be torchvision's AlexNet"):
        LPIPS(heads, heads)


# ---- evaluation ----


def evaluated(checkpoint: Path, out: Path, *more: str) -> dict:
    arguments = [str(SMOKE), str(checkpoint), '--out', str(out), '--show', '2', *more]
    return evaluate.evaluate(evaluate.parse_args(arguments))


def test_alpha_zero_everywhere_is_the_identity_mapping(checkpoint, tmp_path):
    found = evaluated(set_alpha(checkpoint, -100, tmp_path), tmp_path / 'out')
    own, mapped = found['model'], found['identity mapping']
    assert all(own[key] == pytest.approx(mapped[key]) for key in mapped)
    assert mapped['l1_out'] < 1 < mapped['l1_in']
    assert own['alpha_in'] == own['alpha_out'] == 0
    written = json.loads((tmp_path / 'out/swaps.json').read_text())
    assert written['methods']['model'] == own
    assert written['num_persons'] == 16
    assert 'AlexNet' in written['lpips']
    assert (tmp_path / 'out/swaps.csv').read_text().splitlines()[0].startswith('method,l1_in')
    assert read_picture(tmp_path / 'out/swaps.png').width > 7 * 32


def test_alpha_one_everywhere_is_the_candidate(checkpoint, tmp_path):
    found = evaluated(set_alpha(checkpoint, 100, tmp_path), tmp_path / 'out', '--num', '4')
    everywhere = found['model, alpha = 1']
    assert all(found['model'][key] == pytest.approx(everywhere[key]) for key in everywhere)
    assert everywhere['l1_out'] > 10


def test_distances_of_reidentification_are_those_of_its_features():
    pictures = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    pictures[0, 0], pictures[1, 1] = 200, 200
    inside = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    inside[0] = True

    def embed(images):
        return torch.nn.functional.normalize(images.float().mean((2, 3)))

    found = evaluate.reid_distances(embed, pictures, pictures.flip(0), pictures.flip(0), inside)
    assert found['reid_truth'].tolist() == pytest.approx([1, 1])
    # of the first pair all is garment, hence grey; of the second nothing is
    assert found['reid_rest'].tolist() == pytest.approx([0, 1], abs=1e-6)


def test_a_table_that_is_not_written_to_its_end_leaves_the_old_one(tmp_path, monkeypatch):
    args = SimpleNamespace(config='', checkpoint=__file__, reid=None, lpips=None)
    dataset, replace = SimpleNamespace(name='figures', seed=0), os.replace
    (tmp_path / 'swaps.csv').write_text('old')

    def fail(part, whole):
        if whole.name == 'swaps.csv':
            raise OSError('no space left')
        replace(part, whole)

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match=r'could not write .*swaps\.csv: no space left'):
        evaluate.write(tmp_path, dict(model=dict(l1_in=1.0)), 1, args, dataset)
    assert (tmp_path / 'swaps.csv').read_text() == 'old'


def test_a_set_without_truth_is_refused(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(ShapesGarments, 'has_truth', False)
    with pytest.raises(ValueError, match='evaluate on SyntheticGarments'):
        evaluated(checkpoint, tmp_path)


# ---- swapping ----


@pytest.fixture
def folders(tmp_path) -> Path:
    """Folders with two persons of 80 x 60 and three garments."""
    rng = np.random.default_rng(0)
    for name, numbers in (('people', (0, 1)), ('garments', (0, 1, 2)), ('worn', (0, 1))):
        for number in numbers:
            path = tmp_path / name / f'{name}{number}.png'
            if name == 'worn':
                path = path.with_name(f'people{number}.png')
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (80, 60, 3), dtype=np.uint8)).save(path)
    return tmp_path


def dressed(checkpoint: Path, folder: Path, *more: str) -> int:
    arguments = [str(SMOKE), str(checkpoint), '--out', str(folder / 'out'), *more]
    return swap.dress(swap.parse_args(arguments))


def test_one_person_and_one_garment_give_swap_alpha_and_panel(checkpoint, folders, capsys):
    person, garment = folders / 'people/people0.png', folders / 'garments/garments1.png'
    assert dressed(checkpoint, folders, '--person', str(person), '--garment', str(garment)) == 1
    assert 'an approximation' in capsys.readouterr().out
    names = sorted(path.name for path in (folders / 'out').iterdir())
    stem = 'people0__garments1'
    assert names == ['panel.png', f'{stem}.png', f'{stem}_alpha.png']
    assert read_picture(folders / 'out' / f'{stem}.png').size == (60, 80)  # the person's own size
    assert read_picture(folders / 'out' / f'{stem}_alpha.png').size == (60, 80)


def test_folders_are_taken_whole_and_the_worn_garment_counts(checkpoint, folders, capsys):
    given = ['--person', str(folders / 'people'), '--garment', str(folders / 'garments')]
    assert dressed(checkpoint, folders, *given) == 6
    assert len(list((folders / 'out').glob('people?__garments?.png'))) == 6
    grey = read_picture(folders / 'out/people1__garments2.png').tobytes()
    assert dressed(checkpoint, folders, *given, '--worn', str(folders / 'worn')) == 6
    assert read_picture(folders / 'out/people1__garments2.png').tobytes() != grey
    (folders / 'worn/people1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'what people1\.png wears; name it people1'):
        dressed(checkpoint, folders, *given, '--worn', str(folders / 'worn'))
    with pytest.raises(FileNotFoundError, match='no picture or folder'):
        dressed(checkpoint, folders, '--person', 'nobody.jpg', *given[2:])


@pytest.mark.parametrize('option', ['person', 'garment'])
def test_pictures_whose_results_would_have_one_name_are_refused(option, tmp_path):
    folder = tmp_path / option
    folder.mkdir()
    for name in ('a.jpg', 'a.png', 'b.png'):
        Image.new('RGB', (60, 80)).save(folder / name)
    given = {'person': folder / 'b.png', 'garment': folder / 'b.png', option: folder}
    options = [text for key, path in given.items() for text in (f'--{key}', str(path))]
    with pytest.raises(ValueError, match=rf'--{option}: a\.jpg and a\.png would have results of'):
        dressed(tmp_path / 'none.pth', tmp_path, *options)


def test_where_alpha_is_zero_the_persons_own_pixels_stay(checkpoint, tmp_path):
    model, _ = load_model(SMOKE, set_alpha(checkpoint, -100, tmp_path))
    person = torch.randint(256, (3, 80, 60), dtype=torch.uint8)
    result = swap_one(model, (64, 32), person, person)
    assert torch.equal(result.image, person)
    assert result.alpha.max() == 0


def test_only_a_cagan_is_loaded(checkpoint):
    with pytest.raises(TypeError, match='trains a CrossDomainGCL; give a config of CAGAN'):
        load_model(ROOT / 'configs/gcl_smoke.py', checkpoint)
