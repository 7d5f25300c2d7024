"""Triplets alone, without a classifier (Hermans et al., 2017), trained and tested on synth_a.

Batch hard, margin 0.3, Euclidean distance of the pooled maps. The others, by --cfg-options:

    model.triplet.margin=None                   soft margin
    model.triplet.kind=batch_all                or batch_all_nonzero, semi_hard, lifted
    model.triplet.distance=cosine               or sqeuclidean
    model.triplet.normalize=True                Euclidean, of unit length
    model.triplet.type=ContrastiveLoss model.triplet.normalize=True
                                                pairs (Hadsell et al., 2006), margin 1
    model.triplet.type=PML model.triplet.loss=CircleLoss
                                                any of pytorch-metric-learning (-e '.[pml]')

Beside them: synth_a_to_a.py, classification and batch hard, and the same with
model.loss_weights.triplet=0.

Needs:   nothing; as gcl_synth.py.
Result:  mAP 86.0, by the others 84.4 to 93.7, three seeds: docs/results/triplets.md.
Cost:    5 minutes of one CPU core, rendering apart.
"""
_base_ = ['./synth_a_to_a.py']

model = dict(
    networks=dict(
        _delete_=True,
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None, neck=False,
                 weights=['{weights}/mobilenet_v2_imagenet.safetensors', 'imagenet', None])),
    triplet=dict(type='TripletLoss'),
    loss_weights=dict(_delete_=True, triplet=1.0))
optim_wrapper = dict(I=dict(networks=['E_c']))
