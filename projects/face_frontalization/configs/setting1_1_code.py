"""Setting 1_1 with the weights of the committed program: L1 : feature : GAN as 1 : 0.01 : 1.

Batches of 8 in as many iterations as setting 1_1 has with 5: eight passes.

Needs:   Multi-PIE (data_roots.multi_pie), ResNet-50 of VGGFace2 (data_roots.face_weights).
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['./setting1_1.py']

model = dict(loss_weights=dict(fea=0.01))
optim_wrapper = dict(G=dict(weight_decay=1e-5), D=dict(weight_decay=1e-5))
train_dataloader = dict(profile=dict(batch_size=8), front=dict(batch_size=8))
