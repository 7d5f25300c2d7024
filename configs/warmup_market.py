"""Warm-up of E_c on Market-1501 without labels: cluster contrast (Dai et al., ACCV 2022).

Sizes and schedule as published (256 = 16 x 16 images, Adam, 50 epochs of 200 iterations, a tenth
every 20), but for the embedding: a linear layer to 512 as GCL has it. Pooling is the mean. GCL
starts from what it ends with, in place of weights/warm_up_market1501.pth:

    reidgen train configs/warmup_market.py
    reidgen train configs/gcl_market.py --cfg-options \
        model.networks.E_c.weights=work_dirs/warmup_market/stage_warm_up.pth

With model.networks.E_c.embed_dim=None model.bank.dim=2048 in both commands it is the published
embedding.

Needs:   data/market1501, ImageNet weights (README, "Data").
Result:  not yet measured.   Cost: not yet measured; made for a GPU of 40 GB, or several.
"""
_base_ = ['_base_/cluster_contrast.py']

target = _base_.market1501

model = dict(bank=dict(num_samples=12936))       # training images

train_dataloader = dict(target=dict(dataset=dict(
    **target, split='train', labelled=False, transforms=_base_.identity_transforms)))
val_dataloader = dict(target=dict(dataset=dict(
    **target, split='query+gallery', transforms=_base_.test_transforms)))
