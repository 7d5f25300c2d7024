"""gcl_market2duke with a vision transformer as E_c: ViT-S/16, started from DINO; only what differs.

Stage 1 follows the baseline of TransReID (He et al., ICCV 2021): SGD, 0.008, BNNeck. The patch
tokens, 16 x 8 of a picture of 256 x 128, take the place of the ResNet's last map.

Needs:   as gcl_market2duke.py, but timm (pip install -e '.[timm]') and its weights
         vit_small_patch16_224.dino, as a file or from timm's hub.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['gcl_market2duke.py']

decoder = dict(content_dim=1536)                 # 4 stripes of 384 channels
model = dict(networks=dict(
    G=decoder, F=decoder,
    E_c=dict(trunk='timm/vit_small_patch16_224.dino', img_size=(256, 128),
             weights=['{weights}/vit_small_patch16_224.dino.safetensors', 'hub'])))
optim_wrapper = dict(
    I=dict(_delete_=True, networks=['E_c', 'C'], phases=['I'], type='SGD', lr=0.008, momentum=0.9,
           weight_decay=1e-4))
