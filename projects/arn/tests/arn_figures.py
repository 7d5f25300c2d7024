"""ARN's configs on drawn figures, with small networks."""

from pathlib import Path

from reidgen.engine.config import load_config

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'arn_smoke.py'
SMALL = dict(
    TrunkPart=dict(trunk='mobilenet_v2', weights=None),
    ConvEncoder=dict(in_channels=1280, map_size=(2, 1), dim=32, bottleneck=16),
    MapDecoder=dict(in_channels=32, out_channels=1280, map_size=(2, 1), bottleneck=16),
    ImageDecoder=dict(in_channels=1280, dims=(8, 8, 8, 8)),
    IdentityClassifier=dict(num_identities=4),
)


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration a stage."""
    small, networks = load_config(SMOKE), cfg.model.networks
    for network in networks.values():
        network.update(SMALL[network.type])
    if 'C_S' in networks:
        networks.C_S.in_dim = 32 if networks.E_C.type == 'ConvEncoder' else 1280
    cfg.train_dataloader, cfg.val_dataloader = small.train_dataloader, small.val_dataloader
    for stage in cfg.train_cfg.stages:
        stage.iters = 1
