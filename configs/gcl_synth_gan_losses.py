"""gcl_synth with scores on validation persons beside those of the test set, to choose a GAN loss.

    python tools/train.py configs/gcl_synth_gan_losses.py --seed 0 --work-dir work_dirs/bce_0
    python tools/train.py configs/gcl_synth_gan_losses.py --seed 0 --work-dir work_dirs/lsgan_0 \
        --load-from work_dirs/bce_0/stage_identity.pth --first-stage generators \
        --cfg-options model.gan_loss.mode=lsgan

Result:  docs/results/gan_losses.md.
"""
_base_ = ['gcl_synth.py']

val_dataloader = dict(validation=dict(**_base_.in_order, dataset=dict(
    **_base_.target, split='query+gallery', validation=True, transforms=[_base_.resize])))
