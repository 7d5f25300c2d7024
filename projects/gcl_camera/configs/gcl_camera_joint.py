"""gcl_camera_synth's generators, then the full-size configs' joint stage, taken apart.

In the joint stage the losses of the generators train E_c too. Each branch starts from the same E_c
and generators: all losses (joint), what the memory does (joint_memory), what the others do without
it (joint_translation), and, with the generators at rest, which of them does it. The stages up to
`generators` are gcl_camera_synth's, so that its checkpoint may be taken:
--load-from work_dirs/gcl_camera_synth/stage_generators.pth --first-stage joint

Needs:   as gcl_camera_synth.py.
Result:  the project's README.   Cost: from that checkpoint 20 minutes of CPU time.
"""
_base_ = ['gcl_camera_synth.py']

# ---- stages ----
none = dict(adv=0, gp=0, recon=0, cycle=0, content=0, memory=0)
branch = dict(iters=60, start='generators', loaders=['source', 'target'], eval_every=60)
both = dict(**branch, phases=['D', 'G'])
resting = dict(**branch, phases=['G'], frozen=['G', 'F', 'E_p'])
train_cfg = dict(
    stages=[
        _base_.train_cfg.stages[0], _base_.train_cfg.stages[3],
        dict(name='joint', title='joint: all losses', **both, baselines=['direct', 'adabn']),
        dict(name='joint_translation', title='joint without memory', **both,
             loss_weights=dict(memory=0)),
        dict(name='joint_memory', title='memory alone, generators at rest', **resting,
             loss_weights=none | dict(memory=1)),
        dict(name='joint_content', title='content alone, generators at rest', **resting,
             loss_weights=none | dict(content=1)),
        dict(name='joint_recon', title='reconstruction and cycle alone, generators at rest',
             **resting, loss_weights=none | dict(recon=1, cycle=1)),
        dict(name='joint_adv', title='adversarial loss alone, generators at rest', **resting,
             loss_weights=none | dict(adv=2))])
default_hooks = dict(
    checkpoint=dict(best_stages=['joint']), translated=None)
