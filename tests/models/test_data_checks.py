"""Images, batches and samplers that do not fit the networks: errors before training."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reidgen.engine.stages import parse_stages
from reidgen.models.adversarial import AdversarialModel
from reidgen.models.data_checks import check_batches, check_encoder_size, check_image_sizes
from reidgen.models.layers.ghost_batch_norm import set_bn_group
from reidgen.models.phases import Phase
from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class NormedVector(nn.Module):
    """A batch norm over images, or over pixels too."""

    def __init__(self, over: str = 'images'):
        super().__init__()
        self.norm = nn.BatchNorm1d(4) if over == 'images' else nn.BatchNorm2d(4)


class TwoPhases(AdversarialModel):
    """E is trained by I, evaluated for D and G; D has no batch norm over images."""

    loss_families = ('triplet', 'adv')

    def __init__(self, over: str = 'images', include_self: bool = False, triplet: float = 1.0):
        networks = dict(
            E=dict(type='NormedVector', over=over), D=dict(type='NormedVector', over='pixels')
        )
        super().__init__(networks, dict(triplet=triplet, adv=1.0))
        self.triplet = SimpleNamespace(include_self=include_self)

    def phases(self) -> tuple[Phase, ...]:
        both = dict(losses=None, forward=self.embed, reads=('source', 'target'))
        return (
            Phase('I', ('E',), None, reads=('identity',)),
            Phase('D', ('D',), **both),
            Phase('G', ('E',), **both),
        )


def stages(*names: str, **keys):
    """One stage a phase name, on the loaders that the phase reads."""
    reads = dict(I=['identity'], D=['source', 'target'], G=['source', 'target'])
    return parse_stages(
        [dict(name=f'of_{n}', iters=1, phases=[n], loaders=reads[n], **keys) for n in names]
    )


def checked(model, parsed, sampler=(4, 4), **batch_sizes) -> list[str]:
    identities, images = sampler
    samplers = dict(identity=SimpleNamespace(num_identities=identities, num_images=images))
    sizes = dict(identity=16, source=4, target=4) | batch_sizes
    return check_batches(model, parsed, sizes, samplers)


# ---- batch norm ----


@pytest.mark.parametrize('phase, loader', [('I', 'identity'), ('G', 'target'), ('D', 'source')])
def test_batches_of_one_image_under_batch_norm_are_refused_with_stage_and_network(phase, loader):
    with pytest.raises(
        ValueError,
        match=rf'stage of_{phase}: train_dataloader\.{loader}\.batch_size is 1, but a batch norm '
        r'of E .* set batch_size to 2 or more, or freeze E in this stage',
    ):
        checked(TwoPhases(), stages(phase), **{loader: 1})


def test_batches_of_one_image_are_fine_where_no_statistics_are_over_images():
    assert checked(TwoPhases(over='pixels'), stages('I', 'D', 'G'), identity=1, source=1) == []
    assert checked(TwoPhases(), stages('I'), source=1) == []  # no stage draws them
    assert checked(TwoPhases(), stages('D', frozen=['E']), source=1) == []


def test_the_model_is_left_as_it_was():
    model = TwoPhases().eval()
    model.enter_stage('before', ['G'], ['D'], dict(adv=3))
    before = model.stage_name, model.stage_phases, model.frozen, dict(model.loss_weights)
    checked(model, stages('I', 'D'))
    assert (model.stage_name, model.stage_phases, model.frozen, model.loss_weights) == before
    assert not any(module.training for module in model.modules())


def test_what_a_later_stage_misnames_is_refused_before_the_first():
    bad = parse_stages([dict(name='a', iters=1), dict(name='b', iters=1, frozen=['E_x'])])
    with pytest.raises(ValueError, match=r"stage b: frozen: TwoPhases has no \['E_x'\]"):
        checked(TwoPhases(), bad)


def test_batches_that_do_not_fit_the_groups_of_a_batch_norm_are_refused_with_stage_and_loader():
    model = TwoPhases()
    set_bn_group(model, 8)
    assert checked(model, stages('I')) == []
    message = (
        r'bn_group is 8, but stage of_D: train_dataloader\.source has 4 images on each of 1 '
        r'process\(es\); .* set bn_group=4'
    )
    with pytest.raises(ValueError, match=message):
        checked(model, stages('I', 'D'))
    assert checked(model, stages('D', frozen=['D', 'E'])) == []


def test_a_stage_has_groups_of_its_own_which_the_others_do_not():
    model = TwoPhases()
    set_bn_group(model, None, [8])
    own, usual = stages('I', bn_group=8), stages('D')
    assert checked(model, (*own, *usual)) == []
    assert {layer.bn_group for layer in (model.E.norm, model.D.norm)} == {None}  # as it was
    with pytest.raises(ValueError, match=r'bn_group is 8, but stage of_D: .*source has 4 images'):
        checked(model, stages('D', bn_group=8))


# ---- triplets ----


@pytest.mark.parametrize(
    'sampler, key, lacks', [((4, 1), 'num_images', 'positive'), ((1, 4), 'num_identities', 'neg')]
)
def test_a_weighed_triplet_without_positives_or_negatives_warns(sampler, key, lacks):
    [warning] = checked(TwoPhases(), stages('I', 'D'), sampler)
    assert warning.startswith(f'stage of_I: train_dataloader.identity.sampler.{key} is 1, so the')
    assert f'finds no {lacks}' in warning


def test_triplets_that_are_not_weighed_or_find_themselves_warn_of_nothing():
    assert checked(TwoPhases(triplet=0.0), stages('I'), (4, 1)) == []
    assert checked(TwoPhases(), stages('I', loss_weights=dict(triplet=0)), (1, 4)) == []
    assert checked(TwoPhases(include_self=True), stages('I'), (4, 1)) == []
    assert len(checked(TwoPhases(include_self=True), stages('I'), (1, 1))) == 1


# ---- sizes ----


def sized(*sizes: tuple[int, int]) -> dict:
    return {
        name: [SimpleNamespace(img=torch.zeros(3, *size, dtype=torch.uint8))]
        for name, size in zip(('source', 'target'), sizes)
    }


def test_images_of_one_size_that_halves_twice_pass():
    check_image_sizes(sized((64, 32), (64, 32)), ('source', 'target'), 4)
    check_image_sizes(sized((64, 32)), ('source', 'target'), 4)  # the other is not drawn


def test_sizes_that_differ_are_refused_with_both():
    with pytest.raises(ValueError, match=r'source of 64 x 32, train_dataloader\.target of 48 x 32'):
        check_image_sizes(sized((64, 32), (48, 32)), ('source', 'target'), 4)


def test_a_size_that_cannot_be_restored_is_refused_with_the_next_that_can():
    with pytest.raises(
        ValueError, match=r'target gives images of 60 x 30; .* multiples of 4: .* to 60 x 32'
    ):
        check_image_sizes(sized((60, 32), (60, 30)), ('source', 'target'), 4)


def test_images_of_another_size_than_the_encoder_takes_are_refused():
    model = TwoPhases()
    check_encoder_size(model, sized((64, 32)), 'val_dataloader')  # no encoder of one size
    model.E_c = nn.Identity()
    model.E_c.img_size = (64, 32)
    check_encoder_size(model, sized((64, 32)), 'val_dataloader')
    message = (
        r'val_dataloader\.target gives images of 48 x 32, but E_c takes 64 x 32: set '
        r'model\.networks\.E_c\.img_size=\(48, 32\), or Resize'
    )
    with pytest.raises(ValueError, match=message):
        check_encoder_size(model, sized((64, 32), (48, 32)), 'val_dataloader')
