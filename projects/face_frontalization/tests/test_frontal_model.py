"""FaceFrontalizer: what each phase moves, its terms by hand, critic steps and checks."""

import pytest
import torch
import torch.nn.functional as nnf
from face_pictures import (
    DIM,
    FACE_PARTS,
    MULTI,
    REGIONS,
    SCALES,
    SINGLE,
    WGAN,
    WGAN_GP,
    batch,
    frontalizer,
)

from reidgen.datasets import ShapesReID, TwoViews
from reidgen.engine.optim import OptimizerPerGroup
from reidgen.engine.stages import Stage, parse_stages, stage_at
from reidgen.engine.step import run_phases

PAIR = dict(type='DecemberDiscriminator', size=56, base_dim=2)
LSGAN = dict(gan_loss=dict(mode='lsgan'), weights=dict(l1=1.0, sym=1.0))
NO_GAN = dict(G=dict(type='NovemberDecoder', code_dim=DIM, image_size=32, width=0.05), D=None)
DECEMBER = dict(
    G=dict(type='DecemberDecoder', code_dim=DIM, image_size=32, width=0.05, bridge=True),
    D=dict(PAIR, size=32),
    gan_loss=dict(mode='bce'),
    d_input='pair',
    reals='own',
    weights=dict(l1=1.0, fea=0.1, adv=0.01),
)
PROGRAMS = dict(
    wgan=WGAN, wgan_gp=WGAN_GP, lsgan=LSGAN, regions=REGIONS, no_gan=NO_GAN, december=DECEMBER
)


def optimizers(model, lr: float = 1e-3, **d):
    names = [name for name in 'GD' if hasattr(model, name)]
    groups = {name: dict(networks=[name], type='SGD', lr=lr) for name in names}
    if d:
        groups['D'] |= d
    return OptimizerPerGroup(groups)(model)


def step(model, images=None, phases=None, lr: float = 1e-3) -> dict[str, float]:
    model.enter_stage('gan', phases)
    logs = run_phases(model, images or batch(), optimizers(model, lr), 0, done=0)
    return {key: value.item() for key, value in logs.items()}


def snapshot(model) -> dict[str, list]:
    return {
        name: [value.clone() for value in getattr(model, name).state_dict().values()]
        for name in model.network_names
    }


def moved(model, before) -> set[str]:
    after = snapshot(model)
    return {name for name in before if not all(map(torch.equal, before[name], after[name]))}


# ---- gradients ----


@pytest.mark.parametrize('program', PROGRAMS)
def test_an_iteration_moves_decoder_and_discriminator_and_never_the_encoder(program):
    model = frontalizer(**PROGRAMS[program])
    images = batch(size=model.image_size[0])
    for phases in [['G']] if model.d_scales == 0 else [['D'], ['G'], ['D', 'G']]:
        # statistics of batch norm follow every forward: compare what is trained
        before = {
            n: [p.clone() for p in getattr(model, n).parameters()] for n in model.network_names
        }
        step(model, images, phases)
        found = {
            n for n in before
            if not all(map(torch.equal, before[n], getattr(model, n).parameters()))
        }  # fmt: skip
        assert found == set(phases)
        assert all(p.grad is None for p in model.parameters())


def test_the_encoder_stands_still_in_ten_steps_and_passes_gradients_to_the_decoder():
    model = frontalizer(D=None)
    before = snapshot(model)['E']
    for _ in range(10):
        step(model)
    assert all(map(torch.equal, before, snapshot(model)['E']))
    loss = model.generator_losses(batch(), model.forward_frontalization(batch()))['fea.x']
    grads = torch.autograd.grad(loss, list(model.G.parameters()), allow_unused=True)
    used = [grad for grad in grads if grad is not None]
    assert sum(grad.abs().sum() for grad in used) > 0
    assert (
        len(used) == len(grads) - 2
    )  # the heads of the smaller faces, which identity does not see


def test_each_term_reaches_the_networks_that_it_should():
    model = frontalizer(**WGAN_GP | dict(weights=dict(l1=1.0, sym=1.0, drift=1.0)))
    images = batch()
    x = model.forward_frontalization(images)
    terms = model.discriminator_losses(images, x) | model.generator_losses(images, x)
    named = [(n, p) for n in 'GD' for p in getattr(model, n).parameters()]
    reached = {}
    for key, term in terms.items():
        if not key.startswith('stat.'):
            grads = torch.autograd.grad(
                term, [p for _, p in named], retain_graph=True, allow_unused=True
            )
            reached[key] = ''.join(
                sorted({n for (n, _), g in zip(named, grads) if g is not None and g.any()})
            )
    assert reached == {
        'adv.D.real': 'D', 'adv.D.fake': 'D', 'gp.D': 'D', 'drift.D': 'D',
        'fea.x': 'G', 'l1.x': 'G', 'sym.x': 'G', 'adv.D': 'DG',
    }  # fmt: skip


# ---- terms ----


def test_adversarial_terms_are_divided_by_the_heads_and_halved_for_the_discriminator():
    model, images = frontalizer(weights={'adv': 1.0, 'D/adv': 0.5}), batch()
    with torch.no_grad():
        fakes = model.G(model.E(images.profile.img))
        y = images.front.img
        small = y.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))  # bilinear, halved
        middle = y[..., 1::4, :] + y[..., 2::4, :]
        smaller = (middle[..., 1::4] + middle[..., 2::4]) / 4  # bilinear, at a quarter
        real, fake = (model.D(faces) for faces in ((y, small, smaller), fakes))
        r, f = (sum(out.mean().item() for out in outs) for outs in (real, fake))
    log = step(model, images, lr=0.0)
    assert log['D/loss'] == pytest.approx((f - r) / 6, abs=1e-5)
    assert log['G/loss_adv.D'] == pytest.approx(-f / 3, abs=1e-5)


def test_least_squares_of_five_regions():
    model = frontalizer(SINGLE, dict(FACE_PARTS, norm=None), gan_loss=dict(mode='lsgan'),
                        weights={'D/adv': 0.5})  # fmt: skip
    images = batch()
    with torch.no_grad():
        fake = model.D(model.G(model.E(images.profile.img))[0])
        real = model.D(images.front.img)
    expected = sum(((r - 1) ** 2).mean() + (f**2).mean() for r, f in zip(real, fake)) / 10
    log = step(model, images, lr=0.0)
    assert log['D/loss'] == pytest.approx(expected.item(), rel=1e-5)
    assert log['G/loss_adv.D'] == pytest.approx(
        sum(((f - 1) ** 2).mean().item() for f in fake) / 5, rel=1e-5
    )


def test_region_critics_have_one_slope_a_face_and_scales_one_each():
    for program, slopes in ((REGIONS, 1), (WGAN_GP, 3)):
        model, images = frontalizer(**program), batch()
        seen = []
        inner = model.penalty._squared_norm
        model.penalty._squared_norm = lambda *a, inner=inner, seen=seen: (
            seen.append(inner(*a)) or seen[-1]
        )
        x = model.forward_frontalization(images)
        model.discriminator_losses(images, x)['gp.D'].backward()
        assert [tuple(square.shape) for square in seen] == [(3,)] * slopes
        assert all(p.grad is None for p in model.G.parameters())
        assert any(p.grad is not None for p in model.D.parameters())


def test_the_december_discriminator_is_given_the_profile_beside_the_face():
    model = frontalizer(**DECEMBER)
    images, seen = batch(size=32), []
    model.D.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    step(model, images, ['D'])
    real, fake = seen
    assert torch.equal(real, torch.cat([images.profile.img, images.profile.second], 1))
    assert torch.equal(fake[:, :3], images.profile.img)
    assert [phase.reads for phase in model.phases()] == [('profile',)] * 2


def test_the_sum_over_both_sides_is_the_same_for_a_mirrored_profile():
    model = frontalizer(D=None, mirror_sum=True).eval()
    img = batch().profile.img
    faces = [model._frontalized(side).images[0] for side in (img, img.flip(-1))]
    assert torch.allclose(*faces, atol=1e-6)


def test_noise_changes_faces_in_training_and_not_in_evaluation():
    model = frontalizer(dict(MULTI, noise_dim=4), None)
    img = batch().profile.img
    for training in (True, False):
        model.train(training)
        faces = [model._frontalized(img).images[0] for _ in range(2)]
        assert torch.equal(*faces) is not training


# ---- critic steps ----

STAGES = [
    dict(name='warm_up', iters=625, every=dict(G=25)),
    dict(name='gan', iters=20, every=dict(G=5)),
]


def test_the_critic_has_25_steps_in_each_of_25_iterations_and_then_5():
    model, stages, steps, found = frontalizer(), parse_stages(STAGES), 0, []
    for iteration in range(645):
        stage, done = stage_at(stages, iteration)
        if done == 0:
            model.enter_stage(stage.name, every=stage.every)
        due = [phase.name for phase in model.stage_phases if (done + 1) % phase.every == 0]
        steps += 'D' in due
        if 'G' in due:
            found.append(steps)
            steps = 0
    assert found == [25] * 25 + [5] * 4


def test_weights_of_the_critic_are_clipped_after_each_step_of_its_own():
    model = frontalizer()
    optim = optimizers(model, lr=1.0, clip_weights=0.01)
    model.enter_stage('gan', every=dict(G=3))
    for done in range(3):
        before = snapshot(model)['G']
        run_phases(model, batch(), optim, done, done)
        assert max(p.abs().max().item() for p in model.D.parameters()) <= 0.01
        still = all(torch.equal(a, b) for (key, b), a in zip(model.G.state_dict().items(), before))
        assert still is (done < 2)


# ---- pictures and checks ----


def test_faces_are_translated_embedded_and_shown():
    model, images = frontalizer().eval(), batch()
    faces = model.translate(images.profile, 'frontal')
    assert faces.shape == images.profile.img.shape
    assert torch.allclose(model.embed(images.profile.img), nnf.normalize(model.E(faces)))
    assert [title for title, _ in model.visuals(images)] == ['profile', 'frontalized', 'true']
    made, real = model.diversity_pairs(images)['frontalized']
    assert torch.equal(made, faces)
    assert torch.equal(real, images.front.img)
    with pytest.raises(ValueError, match=r"translate to is 'profile'.*one of frontal"):
        model.translate(images.profile, 'profile')


@pytest.mark.parametrize(
    'options, told',
    [
        (dict(G=dict(MULTI, code_dim=9)), r'G\.code_dim is 9, but E gives 8'),
        (dict(D=None, weights=dict(adv=1.0)), r'there is no discriminator'),
        (dict(G=SINGLE), r'faces of 3 sizes, but SingleScaleDecoder makes 1'),
        (dict(d_input='pair'), r"d_input is 'pair', but MultiScaleFaceDiscriminator"),
        (dict(G=SINGLE, D=PAIR, d_input='pool2'), r'FrozenTrunk has none; use FaceVGG16'),
        (dict(WGAN_GP, D=SCALES), r'batch norm in D mixes'),
        (dict(weights=dict(gp=10.0)), r'gp is not 0 but model\.penalty is not set'),
        (dict(reals='gt'), r"model\.reals is 'gt'.*front, own"),
    ],
)
def test_networks_and_weights_that_do_not_fit_are_named(options, told):
    with pytest.raises(ValueError, match=told):
        frontalizer(**options)


def test_data_that_does_not_fit_is_named():
    figures = ShapesReID(num_identities=2, size=(56, 56), labelled=False)
    narrow = ShapesReID(num_identities=2, size=(56, 28), labelled=False)
    pairs = TwoViews(dict(type=ShapesReID, num_identities=2, size=(56, 56), labelled=False))
    stages = [Stage('gan', 1)]
    plain, paired = frontalizer(), frontalizer(weights=dict(l1=1.0))
    plain.check_data(dict(profile=narrow, front=figures), {}, stages)  # E takes any size
    paired.check_data(dict(profile=pairs, front=figures), {}, stages)
    with pytest.raises(ValueError, match=r'front gives images of 56 x 28, but G makes .* 56 x 56'):
        plain.check_data(dict(profile=figures, front=narrow), {}, stages)
    with pytest.raises(
        ValueError, match=r'dataloader\.profile\) has none; wrap it in FrontalPairs'
    ):
        paired.check_data(dict(profile=figures, front=figures), {}, stages)


def test_what_a_stage_weighs_and_the_model_lacks_is_told_before_training():
    figures = ShapesReID(num_identities=2, size=(56, 56), labelled=False)
    for model, weights, told in (
        (frontalizer(D=None), {'G/adv': 1.0}, 'adv, but there is no discriminator'),
        (frontalizer(), dict(gp=10.0), r'gp is not 0 but model\.penalty is not set'),
    ):
        model.check_data(dict(profile=figures), {}, [Stage('gan', 1)])
        with pytest.raises(ValueError, match=rf'^stage late: loss_weights.*{told}'):
            model.check_data(dict(profile=figures), {}, [Stage('late', 1, loss_weights=weights)])
