"""gcl_market2duke in the most literal reading of the method's description; only what differs.

- The GAN loss is least squares of the sigmoid of each patch's logit, whose gradient vanishes where
  the discriminator is sure.
- The penalty is that of the whole patch map (`sum`), as in WGAN-GP's usual code: with 2048 patches
  it holds the gradient of the mean logit below 1/2048 and flattens the discriminator.
- E_p stands in G's and in F's optimizer: two moves an iteration with one gradient.
- E_c's rate falls by 10 each tenth of stage 3, which freezes it after the second.
- Stage 3 starts from the checkpoint of the lowest loss, and evaluates at each snapshot.

Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_market2duke.py']

model = dict(gan_loss=dict(mode='lsgan_sigmoid'), penalty=dict(reduction='sum'))

# ---- optimisation ----
adam = dict(type='Adam', lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
optim_wrapper = dict(
    _delete_=True,
    constructor='OptimizerPerGroup',
    D=dict(networks=['D_s', 'D_t'], **adam),
    G=dict(networks=['G', 'E_p'], **adam),
    F=dict(networks=['F', 'E_p'], **adam),
    E_c=dict(networks=['E_c'], phases=['G'], type='SGD', lr=3.5e-4, momentum=0.9, nesterov=True,
             weight_decay=1e-4),
    I=dict(networks=['E_c', 'C'], phases=['I'], type='Adam', lr=3.5e-4, weight_decay=5e-4))

# ---- stages, in iterations ----
halve_4128, halve_1616 = dict(every=4128, gamma=0.5), dict(every=1616, gamma=0.5)
train_cfg = dict(
    stages=[
        dict(name='identity', iters=6000, phases=['I'], loaders=['identity'], eval_every=2000,
             lr=dict(I=dict(warmup=500, milestones=[2000, 3500], gamma=0.1))),
        dict(name='generators', iters=41280, phases=['D', 'G'], loaders=['source', 'target'],
             frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=halve_4128, G=halve_4128, F=halve_4128)),
        dict(name='joint', iters=16160, phases=['D', 'G'], loaders=['source', 'target'],
             start='best', baselines=['direct', 'adabn'], eval_every=5000,
             lr=dict(D=halve_1616, G=halve_1616, F=halve_1616, E_c=dict(every=1616, gamma=0.1)))])
