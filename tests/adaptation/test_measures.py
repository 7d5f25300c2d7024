import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.adaptation.measures import (
    Agreement,
    Separation,
    agreement,
    original_images,
    separation,
)
from reidgen.adaptation.results import Encoder, as_json, compared
from reidgen.datasets import FolderReID
from reidgen.memory.clustering import Clusters


def angles(*degrees: float) -> torch.Tensor:
    turn = torch.tensor(degrees).double().deg2rad()
    return torch.stack([turn.cos(), turn.sin()], dim=1)


def test_separation_counts_clusters_and_measures_the_silhouette_of_their_images():
    labels = torch.tensor([1, 1, 0, 0, 0, -1])
    found = separation(
        angles(0, 60, 180, 180, 180, 90),
        Clusters(labels, 0.5, 2, 1),
        torch.tensor([0, 1, 0, 0, 0, 1]),
    )
    # cosine distances: within cluster 1 1/2, within cluster 0 none; from 0 and 60 to 180 degrees
    # 2 and 3/2, whose mean is the distance of the others to cluster 1
    expected = ((2 - 0.5) / 2 + (1.5 - 0.5) / 1.5 + 3 * 1) / 5
    assert found == Separation(6, 2, [3, 2], 1, pytest.approx(expected), 0.5)


def test_one_cluster_has_no_silhouette_and_one_camera_no_share():
    labels = torch.tensor([0, 0, -1])
    found = separation(angles(0, 1, 2), Clusters(labels, 0.5, 1, 1), torch.zeros(3).long())
    assert (found.silhouette, found.across_cameras) == (None, None)


def test_agreement_is_rank_1_of_the_original_and_of_its_person():
    pids = torch.tensor([5, 5, 7, 7])
    originals, translated = angles(0, 20, 100, 120), angles(1, 2, 99, 21)
    # nearest originals: row 0, row 0 (the same person), row 2, row 1 (another person)
    found = agreement(translated.float(), originals.float(), pids)
    assert found == Agreement(4, 0.5, 0.75, 0.25, 0.5)


def test_of_the_source_only_the_sampled_images_are_read(draw, monkeypatch):
    names = [f'{pid}_c1_{n}.png' for pid in range(1, 4) for n in (1, 2)]
    folder = draw('people', names)
    dataset = FolderReID(str(folder), transforms=[dict(type='RandomFlip', prob=1.0)])
    read, read_image = [], dataset.read_image
    monkeypatch.setattr(
        FolderReID, 'read_image', lambda self, each: (read.append(each), read_image(each))[1]
    )
    found = original_images(dataset, [1, 4])
    assert [record.path for record in read] == [str(folder / names[row]) for row in (1, 4)]
    expected = [np.asarray(Image.open(folder / names[row])) for row in (1, 4)]
    assert found.permute(0, 2, 3, 1).numpy().tolist() == np.stack(expected).tolist()


def test_the_words_tell_that_the_nearest_is_among_the_sampled_images():
    one = encoder(0.2, 5, None, 0.8)
    told = [line for line in as_json(one, one)['text'] if 'in target style' in line]
    assert len(told) == 1
    assert told[0].startswith('8 sampled source images')
    assert 'the nearest of these 8 source images is the original for 50.0%' in told[0]


def encoder(silhouette, outliers, across, person, source=None) -> Encoder:
    sizes = [10, 5]
    return Encoder(
        'stage_x.pth',
        Separation(20, 2, sizes, outliers, silhouette, across),
        Agreement(8, 0.5, person, 1 / 8, 1 / 4),
        source,
    )


def test_each_measure_has_a_verdict_and_fewer_outliers_are_better():
    found = compared(encoder(0.2, 5, 0.5, 0.8), encoder(0.3, 3, 0.501, 0.7))
    assert [each.verdict for each in found] == ['better', 'better', 'equal', 'worse']


@pytest.mark.parametrize(
    'after,words',
    [
        (encoder(0.3, 5, None, 0.8), 'adapted is better than direct transfer: better in 1'),
        (encoder(0.1, 5, None, 0.8), 'adapted is worse than direct transfer'),
        (encoder(0.2, 5, None, 0.8), 'are equal'),
        (encoder(0.3, 9, None, 0.8), 'do not agree'),
    ],
)
def test_the_conclusion_follows_from_the_verdicts(after, words):
    found = as_json(encoder(0.2, 5, None, 0.8), after)
    assert words in found['conclusion']
    assert 'of 3 measures' in found['conclusion']  # one camera: clusters span none


def test_scores_of_the_source_are_called_so():
    scores = dict(mAP=50.0, rank1=60.0)
    found = as_json(encoder(0.2, 5, 1, 0.8, scores), encoder(0.2, 5, 1, 0.8, scores))
    told = [line for line in found['text'] if 'mAP 50.0' in line]
    assert len(told) == 1
    assert told[0].startswith("on the source's own test set, not the target")
    assert 'none of these numbers is an mAP' in found['text'][-1]


@pytest.mark.parametrize(
    'person,chance,told',
    [
        (0.3, 1 / 4, True),  # 0.05 of the 0.75 from chance to always
        (0.4, 1 / 4, False),  # 0.15 of them
        (1.0, 1 / 2, False),  # twice chance, and always right
        (0.52, 1 / 2, True),
        (1.0, 1.0, False),  # all of one person
    ],
)
def test_persons_found_hardly_oftener_than_chance_are_told(person, chance, told):
    one = encoder(0.2, 5, None, person)
    one = one._replace(agreement=one.agreement._replace(chance_person=chance))
    assert any('hardly oftener than chance' in line for line in as_json(one, one)['text']) is told
