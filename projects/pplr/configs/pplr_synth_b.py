"""PPLR with camera-aware proxies on `synth_b` without labels, batch norm by camera.

warmup_synth_b_camera_bn.py with the parts of images. The stage `parts` is the control: the same
losses of images and parts by the clusters as they are. Both branch from `intra`. From an E_c that
has been trained on `synth_a`, or adapted:

    reidgen train projects/pplr/configs/pplr_synth_b.py --cfg-options \
        model.networks.E_c.weights=work_dirs/gcl_camera_synth/stage_memory.pth

Needs:   as configs/warmup_synth_b.py.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['../../../configs/warmup_synth_b_camera_bn.py']
custom_imports = dict(imports=['projects.pplr.pplr'])

model = dict(
    type='PPLR', refined_stages=['refined'],
    networks=dict(E_c=dict(
        _delete_=True, type='PartEncoder', trunk='mobilenet_v2', num_parts=3,
        weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None])),
    contrast=dict(type='PartRefinedContrast', beta=0.5),
    # a person has ten images: their neighbours are as many as k1 of the clustering
    bank=dict(type='PartCentroidBank', num_parts=3, num_neighbours=10),
    loss_weights=dict(part=1.0))

# ---- stages, in iterations of 8 proxies x 4 images ----
intra, long = _base_.train_cfg.stages
branch = dict(long, start='intra')
train_cfg = dict(stages=[
    dict(intra),
    dict(branch, name='parts', title='proxies of images and parts'),
    dict(branch, name='refined', title='the same with refined labels')])
default_hooks = dict(pseudo_label=dict(type='PartPseudoLabelHook'))
