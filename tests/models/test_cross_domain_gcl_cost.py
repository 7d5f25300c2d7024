"""CrossDomainGCL: number of forward passes, and losses equal to those of recomputation."""

import traceback
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from reidgen.engine import run_phases
from reidgen.models.cycle import l1
from reidgen.registry import MODELS

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'gcl_market2duke.py'
STAGE_2 = dict(name='generators', phases=['D', 'G'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_3 = dict(name='joint', phases=['D', 'G'])


def count_evaluations(model) -> Counter:
    """Number of forward passes by network, counted from now on."""
    count = Counter()
    for name in model.network_names:
        getattr(model, name).register_forward_hook(
            lambda *_, name=name: count.update([name]),
        )
    return count


def recomputed_losses(model, batch) -> dict:
    """The two discriminators' and the two generators' lists, each loss from the images on.

    Poses and codes are kept within one loss and nothing is kept between two.
    """
    s, t = batch.source, batch.target

    def x_s2t():
        return model.G(model.E_p(s.pose_map), model.E_c(s.img).content)

    def x_t2s():
        return model.F(model.E_p(t.pose_map), model.E_c(t.img).content)

    def own_style(domain, decoder):
        translated = decoder(model.E_p(domain.pose_map), model.E_c(domain.img).content)
        return l1(translated, domain.img)

    def there(domain, abroad):
        """Content of the image and of its translation: the loss compares them."""
        content = model.E_c(domain.img).content
        translated = abroad(model.E_p(domain.pose_map), content)
        return l1(model.E_c(translated).content, content.detach())

    def there_and_back(domain, abroad, home):
        pose, content = model.E_p(domain.pose_map), model.E_c(domain.img).content
        return home(pose, model.E_c(abroad(pose, content)).content), content

    def cycle(domain, abroad, home):
        return l1(there_and_back(domain, abroad, home)[0], domain.img)

    def content_of_cycle(domain, abroad, home):
        translated, content = there_and_back(domain, abroad, home)
        return l1(model.E_c(translated).content, content.detach())

    def memory():
        c_s = model.E_c(s.img)
        c_s2t = model.E_c(model.G(model.E_p(s.pose_map), c_s.content))
        return model.contrast(model.bank, c_s.embedding, c_s2t.embedding, s.index, rng=model.rng)

    losses = {}
    for name, discriminator, real, translated in (
        ('Ds', model.D_s, s.img, x_t2s),
        ('Dt', model.D_t, t.img, x_s2t),
    ):
        losses |= model.gan.discriminator(name, discriminator, real, translated(), rng=model.rng)
        losses |= model.penalty(name, discriminator, real, translated(), rng=model.rng)
    G, F = model.G, model.F
    losses |= {
        'adv.Ds': model.gan.generator(model.D_s, x_t2s(), rng=model.rng),
        'adv.Dt': model.gan.generator(model.D_t, x_s2t(), rng=model.rng),
        'recon.t2t': own_style(t, G),
        'recon.s2s': own_style(s, F),
        'cycle.t2s2t': cycle(t, F, G),
        'cycle.s2t2s': cycle(s, G, F),
        'content.s2t': there(s, G),
        'content.t2s': there(t, F),
        'content.t2s2t': content_of_cycle(t, F, G),
        'content.s2t2s': content_of_cycle(s, G, F),
    }
    if model.on('memory'):
        losses['memory.s2t'] = memory()
    return losses


def shared_losses(model, batch) -> dict:
    """The same lists from one shared forward pass."""
    x = model.forward_translation(batch)
    return model.discriminator_losses(batch, x) | model.generator_losses(batch, x)


def test_a_joint_iteration_evaluates_twenty_two_networks(build_toy, toy_batch, toy_optim):
    model = build_toy()
    model.enter_stage(**STAGE_3)
    count = count_evaluations(model)
    run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    # a discriminator sees real and translated images, the penalty's points, and the translated ones
    # once more
    assert count == dict(E_c=6, E_p=2, G=3, F=3, D_s=4, D_t=4)
    assert count.total() == 22


@pytest.mark.slow
@pytest.mark.parametrize('cross_pose, num_poses', [('own', 2), ('other', 2), ('novel', 4)])
def test_only_another_view_costs_more_poses(build_toy, toy_batch, toy_optim, cross_pose, num_poses):
    model = build_toy(cross_pose=cross_pose)
    model.enter_stage(**STAGE_2)
    count = count_evaluations(model)
    run_phases(model, toy_batch(), toy_optim(model), 0, 0)
    assert count == dict(E_c=6, E_p=num_poses, G=3, F=3, D_s=4, D_t=4)


@pytest.mark.slow
@pytest.mark.parametrize('stage, total', [(STAGE_2, 62), (STAGE_3, 66)])
def test_recomputing_for_each_loss_takes_about_three_times_the_evaluations(
    build_toy, toy_batch, stage, total
):
    model, batch = build_toy(), toy_batch()
    model.enter_stage(**stage)
    count = count_evaluations(model)
    shared = shared_losses(model, batch)
    assert count.total() == 22
    count.clear()
    recomputed = recomputed_losses(model, batch)
    assert count.total() == total
    assert recomputed.keys() == shared.keys()


def test_shared_and_recomputed_losses_are_equal_while_the_encoder_is_frozen(build_toy, toy_batch):
    model, batch = build_toy(), toy_batch()
    model.enter_stage(**STAGE_2)
    model.rng.begin(5)
    shared = shared_losses(model, batch)
    model.rng.begin(5)
    recomputed = recomputed_losses(model, batch)
    assert shared.keys() == recomputed.keys()
    for name, value in shared.items():
        torch.testing.assert_close(recomputed[name], value, rtol=1e-6, atol=0, msg=name)


@pytest.mark.slow
def test_recomputing_takes_more_than_two_and_a_half_times_the_arithmetic(build_toy, toy_batch):
    cfg = Config.fromfile(CONFIG).model
    cfg.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg)
        img, pose_map = torch.empty(2, 3, 256, 128), torch.empty(2, 1, 256, 128)
        pose, content = torch.empty(2, 128, 64, 32), torch.empty(2, 8192)
    inputs = dict(
        E_c=(img,), E_p=(pose_map,), G=(pose, content), F=(pose, content), D_s=(img,), D_t=(img,)
    )
    flops = {}
    for name, args in inputs.items():
        with FlopCounterMode(display=False) as counter:
            getattr(model, name)(*args)
        flops[name] = counter.get_total_flops()

    toy, batch = build_toy(), toy_batch()
    toy.enter_stage(**STAGE_2)
    count, spent = count_evaluations(toy), []
    for losses in (shared_losses, recomputed_losses):
        count.clear()
        losses(toy, batch)
        spent.append(sum(count[name] * flops[name] for name in flops))
    assert 2.5 < spent[1] / spent[0] < 3.5


class Reads(TorchDispatchMode):
    """Places of the package whose values Python read, where a GPU would have to be waited for.

    Random numbers of the CPU's generator and the optimizers' counts of steps are on the CPU always.
    """

    OPERATORS = ('_local_scalar_dense', 'nonzero', '_unique2', 'masked_select')

    def __init__(self):
        super().__init__()
        self.places = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.removeprefix('aten::')
        masks = [each for each in args[1] if each is not None] if name == 'index' else []
        if name in self.OPERATORS or any(mask.dtype == torch.bool for mask in masks):
            frames = [Path(frame.filename).name for frame in traceback.extract_stack()]
            if not {'rng.py', 'adam.py', 'sgd.py'} & set(frames):
                self.places.append(next(f for f in reversed(frames) if f in ('step.py', 'bank.py')))
        return function(*args, **(kwargs or {}))


def test_a_joint_iteration_reads_the_device_for_its_three_checks_alone(
    build_toy, toy_batch, toy_optim
):
    model = build_toy()
    model.enter_stage(**STAGE_3)
    optim = toy_optim(model)
    run_phases(model, toy_batch(seed=0), optim, 0, 0)  # what is read once
    with Reads() as reads:
        run_phases(model, toy_batch(seed=1), optim, 1, 1)
    assert reads.places == ['step.py', 'step.py', 'bank.py']  # losses of D and G, features
