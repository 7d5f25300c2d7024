"""gcl_synth with a domain classifier behind gradient reversal on the embedding in the joint stage.

Scored on validation persons, from the generators of gcl_synth_gan_losses.py, its own control:

    python tools/train.py configs/gcl_synth_domain_head.py --seed 0 \
        --load-from work_dirs/lsgan_0/stage_generators.pth --first-stage joint

Result:  docs/results/gan_losses.md.   Cost: the joint stage of gcl_synth.py.
"""
_base_ = ['gcl_synth_gan_losses.py']

model = dict(networks=dict(domain_head=dict(type='DomainClassifier', in_dim=1280)))
optim_wrapper = dict(H=dict(networks=['domain_head'], phases=['G'], type='Adam', lr=1e-3))
stages = _base_.train_cfg.stages
joint = dict(**stages[4], loss_weights=dict(domain=0.1))      # before it E_c is frozen
train_cfg = dict(stages=[*stages[:4], joint, stages[5]])
