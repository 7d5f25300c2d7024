"""CrossDomainGCL on the built-in rendered people: summer cameras (labelled) -> winter cameras.

identity -> generators -> joint -> clusters, as gcl_market2duke.py, at a size for two CPU cores.
Beside it, from the same E_c: the control, as many iterations of the same memory loss on images that
nobody translated, and pseudo-labels after it.

Needs:   nothing; the people are rendered on first use (some minutes). MobileNetV2 ImageNet weights
         under weights or ../shared/weights or from torchvision's hub; without them a random start
         with a longer first stage, which the log says.
Result:  docs/results/gcl_synth.md.
Cost:    19 minutes on two CPU cores, and rendering.
"""
_base_ = ['_base_/gcl_rendered.py']

# ---- model: decoders that start as the identity, for which weights of reconstruction are low ----
decoder = dict(base_dim=32, residual=True)
model = dict(networks=dict(G=decoder, F=decoder),
             loss_weights=dict(adv=1.0, recon=1.0, cycle=1.0, content=1.0))

# ---- optimisation ----
fast = dict(lr=2e-4)
optim_wrapper = dict(
    D=fast, G=fast, F=fast, P=fast,
    E_c=dict(_delete_=True, networks=['E_c'], phases=['G', 'M', 'T'], type='Adam', lr=1e-4,
             weight_decay=5e-4))

# ---- stages, in iterations ----
fall, tenth_130 = dict(linear_from=100), dict(milestones=[130], gamma=0.1)
clusters = dict(iters=150, phases=['T'], loaders=['clusters'], labels='cluster', eval_every=150,
                lr=dict(E_c=dict(milestones=[100], gamma=0.1)))
train_cfg = dict(
    stages=[
        _base_.identity,
        dict(name='control', title='control: memory without translation', iters=200, phases=['M'],
             loaders=['source'], baselines=['direct', 'adabn', 'adabn_camera'],
             eval_every=200, lr=dict(E_c=tenth_130)),
        dict(name='control_clusters', title='control, then pseudo-labels', **clusters),
        dict(name='generators', iters=200, phases=['D', 'G'], start='identity',
             loaders=['source', 'target'], frozen=['E_c'], loss_weights=dict(memory=0),
             lr=dict(D=fall, G=fall, F=fall, P=fall)),
        dict(name='joint', title='GCL: joint', iters=200, phases=['D', 'G'],
             loaders=['source', 'target'], eval_every=200, lr=dict(E_c=tenth_130)),
        dict(name='clusters', title='GCL, then pseudo-labels', **clusters)])
val_cfg = dict(adabn_by='camera')
