"""CamStyle on the rendered people, trained and tested under the six summer cameras of synth_a.

Sized for a CPU: MobileNetV2 at 128 x 64, 33 real images and 11 copies (3 : 1), and Adam as in
configs/baselines/synth_a_to_a.py. The copies are StarGAN's:

    O=train_dataloader.target.dataset.domain=synth_a
    python tools/train.py projects/stargan_camstyle/configs/stargan_synth_b.py \
        --work-dir work_dirs/stargan_synth_a --cfg-options $O
    python projects/stargan_camstyle/write_copies.py \
        projects/stargan_camstyle/configs/stargan_synth_b.py \
        work_dirs/stargan_synth_a/stage_cameras.pth --cfg-options $O
    python tools/train.py projects/camstyle/configs/camstyle_synth_a.py

Baseline:          --cfg-options model.loss_weights.copies=0 'train_cfg.stages.0.loaders=[identity]'
Without smoothing: --cfg-options model.copies_cross_entropy.epsilon=0

Needs:   the copies; else as gcl_synth.py.
Result:  mAP 87.7, baseline 91.7, without smoothing 87.4, three seeds:
         docs/results/camstyle_synth_a.md.
Cost:    5 minutes of one CPU core; StarGAN's copies 80; rendering apart.
"""
_base_ = ['./_base_/camstyle.py']

# ---- model ----
model = dict(networks=dict(
    E_c=dict(trunk='mobilenet_v2',
             weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None]),
    H=dict(in_dim=1280, out_dim=512),
    C=dict(in_dim=512, num_identities=120)))

# ---- optimisation ----
optim_wrapper = dict(I=dict(networks=['E_c', 'H', 'C'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations ----
train_cfg = dict(stages=[
    dict(name='camstyle', iters=450, loaders=['identity', 'copies'], eval_every=450,
         lr=dict(I=dict(warmup=45, milestones=[270], gamma=0.1)))])
default_hooks = dict(logger=dict(interval=30), checkpoint=dict(interval=150))

# ---- data ----
resize = dict(type='Resize', size=(128, 64))
augmented = [dict(type='RandomRectCrop', size=(128, 64)), dict(type='RandomFlip', prob=0.5)]
real = dict(**_base_.synth_a, split='train', transforms=augmented)
train_dataloader = dict(
    identity=dict(batch_size=33, num_workers=1, dataset=real),
    copies=dict(batch_size=11, num_workers=1, dataset=dict(
        num_cameras=6, copies='bounding_box_train_camstyle_stargan4reid', dataset=real)))
val_dataloader = dict(target=dict(
    num_workers=1, dataset=dict(**_base_.synth_a, split='query+gallery', transforms=[resize])))
