"""Examples run as a reader starts them."""

import math
import re

import numpy as np
import pytest

from tests.doc_snippets import ROOT, few_iterations, run

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / 'examples'


@pytest.mark.slow
def test_loop_of_the_method_prints_the_losses_of_its_three_stages(tmp_path):
    stages = ['--identity', 4, '--generators', 2, '--joint', 2]
    lines = run([EXAMPLES / 'gcl_loop.py', *stages], tmp_path).splitlines()
    by_stage = {
        stage: [line for line in lines if line.startswith(f'{stage} ')]
        for stage in ('identity', 'generators', 'joint')
    }
    assert {stage: len(found) for stage, found in by_stage.items()} == dict(
        identity=4, generators=2, joint=2
    )
    values = [float(value) for line in by_stage['joint'] for value in line.split()[3::2]]
    assert all(map(math.isfinite, values))
    # the memory adapts E_c in the last stage alone
    assert all('memory' in line for line in by_stage['joint'])
    assert not any('memory' in line for line in by_stage['generators'])
    assert sum('mAP' in line for line in lines) == 2


def test_loop_of_the_method_is_read_at_a_glance():
    assert len((EXAMPLES / 'gcl_loop.py').read_text().splitlines()) <= 150


@pytest.mark.slow
def test_features_of_random_people_are_evaluated(tmp_path):
    output = run([EXAMPLES / 'evaluate_features.py'], tmp_path)
    plain, reranked = re.findall(r'(?:as they are|re-ranked).*?: mAP (\S+),', output)
    assert 0 < float(plain) < float(reranked) <= 100  # neighbours of one person share neighbours
    assert 'over 50 queries (0 without a match)' in output


@pytest.mark.slow
def test_features_of_a_file_are_evaluated(tmp_path):
    np.savez(
        tmp_path / 'features.npz',
        query_features=np.float32([[0], [10]]),
        gallery_features=np.float32([[1], [2], [6], [12]]),
        query_pids=[7, 8],
        gallery_pids=[7, 8, 7, 8],
    )
    script = EXAMPLES / 'evaluate_features.py'
    # on a line: 0 finds 1, 2, 6, 12 and 10 finds 12, 6, 2, 1: matches at ranks 1 and 3 of both
    output = run([script, 'features.npz', '--protocol', 'no-camera'], tmp_path)
    assert f'as they are: mAP {100 * (1 / 1 + 2 / 3) / 2:.2f}, rank1 100.00' in output
    message = run([script, 'features.npz'], tmp_path, code=1)
    assert "use protocol='no-camera'" in message


@pytest.mark.slow
def test_discriminator_of_ones_own_trains(tmp_path):
    folder = EXAMPLES / 'own_discriminator'
    command = ['-m', 'reidgen.cli', 'train', 'own_discriminator.py', '--work-dir', tmp_path]
    output = run([*command, *few_iterations(3)], folder)
    assert 'D/loss_adv.Dt.real' in output
    assert 'direct transfer' in (tmp_path / 'report.md').read_text()
    assert not (folder / 'work_dirs').exists()
