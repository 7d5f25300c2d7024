"""Rendered people to heatmaps of fourteen joints, 64 x 32.

A quarter of pix2pix's channels, five halvings instead of eight, and patches of 34 pixels without
norm, as instance norm leaves spots in short trainings (PatchGAN). Ten times its rate, as it has
20 times the iterations; and squares instead of absolute differences, whose least value is a black
map as long as the joints' places are uncertain.

Needs:   nothing; the people are rendered on first use (some minutes).
Result:  54 % of the joints within 2 pixels (mean places 10 %) (docs/results/pose_gan.md).
Cost:    ten minutes of one CPU core, rendering apart.
"""
_base_ = ['./_base_/pose_cond.py', './_base_/synth.py']

model = dict(
    map_channels=14,
    networks=dict(
        G=dict(base_dim=16, num_halvings=5),
        D=dict(base_dim=16, num_layers=2, norm=None)),
    loss_weights=dict(l1=0.0, l2=100.0))
optim_wrapper = dict(G=dict(lr=2e-3), D=dict(lr=2e-3))
train_cfg = dict(stages=[dict(name='gan', iters=4000, loaders=['real'])])
# all but eyes and ears, which are a pixel from the nose
poses = dict(type='JointMaps', layout='openpose18', joints=list(range(14)), size=(64, 32),
             sigma=2.0)
train_dataloader = dict(real=dict(
    num_workers=1, dataset=dict(**_base_.synth_people, pose_map=poses)))
