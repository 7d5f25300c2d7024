"""gcl_synth scored on validation persons instead of the test set, to choose a GAN loss.

    python tools/train.py configs/gcl_synth_gan_losses.py --seed 0 --work-dir work_dirs/lsgan_0
    python tools/train.py configs/gcl_synth_gan_losses.py --seed 0 --work-dir work_dirs/bce_0 \
        --load-from work_dirs/lsgan_0/stage_identity.pth --first-stage generators \
        --cfg-options model.gan_loss.mode=bce

Test scores of what was chosen: tools/test.py configs/gcl_synth.py with its stage_*.pth.
Result:  docs/results/gan_losses.md.   Cost: as gcl_synth.py, and validation persons rendered.
"""
_base_ = ['gcl_synth.py']

val_dataloader = dict(target=dict(dataset=dict(validation=True)))
