"""gcl_smoke with a discriminator of one's own; only what differs.

Needs:   nothing.
Cost:    under a minute on two CPU cores. A check of the machinery; its numbers mean nothing.
"""

_base_ = ['../../configs/gcl_smoke.py']
custom_imports = dict(imports=['patch_with_pooling'])

discriminator = dict(_delete_=True, type='PatchWithPooling', dim=8, num_halvings=3)
model = dict(networks=dict(D_s=discriminator, D_t=discriminator))
