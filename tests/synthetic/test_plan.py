import re

import numpy as np
import pytest
from few_people import few

from reidgen.synthetic import DOMAINS, SIZES, Plan, Seeds
from reidgen.synthetic.plan import Job
from reidgen.synthetic.writer import cameras_of, make_outfit

pytestmark = pytest.mark.slow


def names(plan: Plan) -> list[str]:
    return [picture.name for job in plan.jobs() for picture in plan.pictures(job)]


def appearance(plan: Plan, job: Job) -> list:
    """Numbers that describe a person."""
    identity = make_outfit(plan, job).identity
    return [identity.body, *identity.upper.colour.tolist(), identity.lower.hem, identity.bag]


@pytest.mark.parametrize('domain', DOMAINS)
def test_names_are_those_of_market_and_unique(domain):
    every = names(Plan.of(domain, 'large'))
    assert len(set(every)) == len(every)
    assert all(re.fullmatch(r'(-1|\d{4})_c[1-6]s[1-3]_\d{6}_01', name) for name in every)


@pytest.mark.parametrize('smaller, larger', [('tiny', 'base'), ('base', 'large')])
def test_a_larger_size_has_the_pictures_of_a_smaller_one(smaller, larger):
    small, large = Plan.of('synth_b', smaller), Plan.of('synth_b', larger)
    assert set(names(small)) < set(names(large))
    assert [small.pictures(job) for job in small.jobs()] == [
        large.pictures(job) for job in small.jobs()
    ]


def test_counts_are_those_of_the_pictures():
    plan = Plan.of('synth_a', 'tiny')
    every = [(picture, job.kind) for job in plan.jobs() for picture in plan.pictures(job)]
    for split, (identities, images) in plan.split_counts().items():
        of_split = [
            picture.name for picture, kind in every if picture.split == split and kind != 'junk'
        ]
        assert images == len(of_split)
        assert identities == len({name.split('_')[0] for name in of_split})
    assert plan.split_counts()['train'][0] == SIZES['tiny'].num_train
    assert plan.split_counts()['gallery'][0] == SIZES['tiny'].num_test + 1  # and '0000'


def test_every_query_has_a_gallery_image_from_another_camera():
    plan = Plan.of('synth_a', 'tiny')
    for job in plan.jobs():
        pictures = plan.pictures(job)
        gallery = {picture.camera for picture in pictures if picture.split == 'gallery'}
        for picture in pictures:
            assert picture.split != 'query' or gallery - {picture.camera}


@pytest.mark.parametrize('target, oracle', [('synth_b', 'synth_a2b'), ('synth_n', 'synth_a2n')])
def test_an_oracle_has_the_people_and_names_of_a_under_the_cameras_of_the_target(target, oracle):
    a, b, a2b = (Plan.of(domain, 'tiny') for domain in ('synth_a', target, oracle))
    assert names(a2b) == names(a) != names(b)
    job = Job('train', 1)
    assert appearance(a2b, job) == appearance(a, job) != appearance(b, job)
    assert (a2b.cameras, a.cameras) == (target, 'synth_a')
    first_a, first_b = cameras_of('synth_a', 0)[0], cameras_of(target, 0)[0]
    assert first_a.elevation_deg != first_b.elevation_deg
    assert np.abs(first_a.ground - first_b.ground).mean() > 0.01


@pytest.mark.slow
def test_each_seed_moves_its_own_part_alone():
    job, plan = Job('train', 1), Plan.of('synth_a', 'tiny')
    image, identity = (plan._replace(seeds=Seeds(**{name: 1})) for name in ('image', 'identity'))
    assert appearance(image, job) == appearance(plan, job)
    assert image.pictures(job) != plan.pictures(job)
    assert appearance(identity, job) != appearance(plan, job)
    assert identity.pictures(job) == plan.pictures(job)
    camera = plan._replace(seeds=Seeds(camera=1))
    assert appearance(camera, job) == appearance(plan, job)
    assert camera.pictures(job) == plan.pictures(job)
    # cameras are a function of the camera seed alone, by their signature
    assert cameras_of('synth_a', 1)[0].exposure != cameras_of('synth_a', 0)[0].exposure


def test_validation_persons_are_no_test_persons():
    validation, test = Plan.of('synth_a', 'tiny', validation=True), Plan.of('synth_a', 'tiny')
    assert not {job for job in validation.jobs() if job.kind in ('validation', 'train')} & set(
        test.jobs()
    )
    assert validation.split_counts()['train'] == (0, 0)
    assert validation.folder != test.folder
    first, other = Job('validation', 8001), Job('test', 5001)
    assert appearance(validation, first) != appearance(test, other)


@pytest.mark.parametrize(
    'wrong, message',
    [
        (
            dict(domain='synth_c'),
            "domain is 'synth_c'; it must be one of synth_a, synth_b, synth_a2b",
        ),
        (dict(size='huge'), "size is 'huge'; it must be one of tiny, base, large"),
        (dict(seeds=Seeds(camera=-1)), 'whole numbers from 0'),
    ],
)
def test_what_there_is_not_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Plan.of(**{'domain': 'synth_a', **wrong})


def test_too_many_people_are_refused():
    with pytest.raises(ValueError, match='at most 4999'):
        few(num_train=5000).jobs()
