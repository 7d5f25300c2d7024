"""Published state dicts, by documented key names and shapes, and what their networks compute.

The forward passes restate the published order of layers in plain torch, reading the tensors by the
file's own names; nothing of reidgen is used.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

BLOCKS = (3, 4, 6, 3)  # of ResNet-50
TORCHVISION = {name: name for name in ('conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4')}
SEQUENTIAL = dict(
    conv1='base.0', bn1='base.1', layer1='base.4', layer2='base.5', layer3='base.6', layer4='base.7'
)  # 2 and 3 are ReLU and max pooling


def below(prefix: str) -> dict[str, str]:
    return {name: f'{prefix}.{name}' for name in TORCHVISION}


def part(state: dict, prefix: str) -> dict:
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def nested(top: str, state: dict) -> dict:
    return {f'{top}.{key}': value for key, value in state.items()}


# ---- ResNet-50 ----


def batch_norm(name: str, dim: int) -> dict[str, Tensor]:
    return {
        f'{name}.weight': 0.5 + torch.rand(dim),
        f'{name}.bias': 0.1 * torch.randn(dim),
        f'{name}.running_mean': 0.1 * torch.randn(dim),
        f'{name}.running_var': 0.5 + torch.rand(dim),
        f'{name}.num_batches_tracked': torch.tensor(7),
    }


def weight(*shape: int) -> Tensor:
    return torch.randn(shape) * (2 / torch.Size(shape[1:]).numel()) ** 0.5


def linear(name: str, in_dim: int, out_dim: int, bias: bool = True) -> dict[str, Tensor]:
    found = {f'{name}.weight': weight(out_dim, in_dim)}
    return found | ({f'{name}.bias': 0.1 * torch.randn(out_dim)} if bias else {})


def head(first: str, neck: str, dim: int = 6) -> dict[str, Tensor]:
    return linear(first, 2048, dim) | batch_norm(neck, dim)


def resnet50(names: dict[str, str]) -> dict[str, Tensor]:
    """State dict of the trunk, its six parts under these names."""
    state = {f'{names["conv1"]}.weight': weight(64, 3, 7, 7)} | batch_norm(names['bn1'], 64)
    channels = 64
    for stage, num_blocks in enumerate(BLOCKS):
        width = 64 * 2**stage
        for block in range(num_blocks):
            at = f'{names[f"layer{stage + 1}"]}.{block}'
            state[f'{at}.conv1.weight'] = weight(width, channels, 1, 1)
            state[f'{at}.conv2.weight'] = weight(width, width, 3, 3)
            state[f'{at}.conv3.weight'] = 0.5 * weight(4 * width, width, 1, 1)
            for n, dim in ((1, width), (2, width), (3, 4 * width)):
                state |= batch_norm(f'{at}.bn{n}', dim)
            if block == 0:
                state[f'{at}.downsample.0.weight'] = weight(4 * width, channels, 1, 1)
                state |= batch_norm(f'{at}.downsample.1', 4 * width)
            channels = 4 * width
    return state


def normed(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    parts = (state[f'{name}.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias'))
    return nnf.batch_norm(x, *parts)


def feature_map(
    state: dict[str, Tensor], names: dict[str, str], x: Tensor, last_stride: int = 1
) -> Tensor:
    """Last map (B, 2048, h, w) of the trunk in evaluation."""
    x = nnf.conv2d(x, state[f'{names["conv1"]}.weight'], stride=2, padding=3)
    x = nnf.max_pool2d(normed(state, names['bn1'], x).relu(), 3, 2, 1)
    for stage, num_blocks in enumerate(BLOCKS):
        for block in range(num_blocks):
            at = f'{names[f"layer{stage + 1}"]}.{block}'
            stride = (1, 2, 2, last_stride)[stage] if block == 0 else 1
            y = normed(state, f'{at}.bn1', nnf.conv2d(x, state[f'{at}.conv1.weight'])).relu()
            y = nnf.conv2d(y, state[f'{at}.conv2.weight'], stride=stride, padding=1)
            y = normed(state, f'{at}.bn2', y).relu()
            y = normed(state, f'{at}.bn3', nnf.conv2d(y, state[f'{at}.conv3.weight']))
            if block == 0:
                x = nnf.conv2d(x, state[f'{at}.downsample.0.weight'], stride=stride)
                x = normed(state, f'{at}.downsample.1', x)
            x = (x + y).relu()
    return x


def part_features(last: Tensor) -> Tensor:
    """Means of four stripes, flattened from (B, C, 4, 1): element c * 4 + p."""
    return nnf.adaptive_avg_pool2d(last, (4, 1)).flatten(1)


# ---- GCL: E_p, G, D ----


def conv(name: str, in_dim: int, out_dim: int, size: int) -> dict[str, Tensor]:
    return {
        f'{name}.weight': weight(out_dim, in_dim, size, size),
        f'{name}.bias': 0.1 * torch.randn(out_dim),
    }


def generator(dim: int = 4, run: int = 12, hidden: int = 6) -> dict[str, Tensor]:
    """Generator with `dim` channels in the first convolution; published: 16, 2048, 512."""
    state = {}
    for n, (a, b) in enumerate(((1, dim), (dim, 2 * dim), (2 * dim, 2 * dim), (2 * dim, 4 * dim))):
        state |= conv(f'enc_content.model.{n}.conv', a, b, 3)
    quarter, out, part = 4 * dim, 8 * dim, 2 * dim
    for block in range(4):
        for layer in range(2):
            state |= conv(
                f'enc_content.model.4.model.{block}.model.{layer}.conv', *2 * [quarter], 3
            )
            at = f'dec.model.1.model.{block}.model.{layer}'
            state |= conv(f'{at}.conv', out, out, 3)
            state |= {
                f'{at}.norm.running_mean': torch.zeros(out),
                f'{at}.norm.running_var': torch.ones(out),
            }
    aspp = 'enc_content.model.5'
    state |= conv(f'{aspp}.conv1.conv', quarter, part, 1)
    state |= conv(f'{aspp}.fuse.conv', 4 * part, out, 1)
    for name in ('conv6', 'conv12', 'conv18'):
        state |= conv(f'{aspp}.{name}.0.conv', quarter, part, 1)
        state |= conv(f'{aspp}.{name}.1.conv', part, part, 3)
    for n, dims in ((3, (out, out // 2)), (5, (out // 2, out // 4))):
        state |= conv(f'dec.model.{n}.conv', *dims, 5)
        state[f'dec.model.{n}.norm.gamma'] = torch.rand(dims[1])
        state[f'dec.model.{n}.norm.beta'] = torch.randn(dims[1])
    for n, b, size in ((6, out // 4, 3), (7, out // 4, 3), (8, 3, 1)):
        state |= conv(f'dec.model.{n}.conv', out // 4, b, size)
    for k in range(1, 5):
        for kind in 'wb':
            for n, dims in enumerate(((run, hidden), (hidden, hidden), (hidden, 2 * out))):
                state |= linear(f'mlp_{kind}{k}.model.{n}.fc', *dims)
    return state


def lrelu(x: Tensor) -> Tensor:
    return nnf.leaky_relu(x, 0.2)


def convolved(
    state: dict[str, Tensor], name: str, x: Tensor, stride: int = 1, dilation: int = 1
) -> Tensor:
    kernel, bias = state[f'{name}.weight'], state[f'{name}.bias']
    pad = 4 * [dilation * (kernel.shape[-1] // 2)]
    padded = nnf.pad(x, pad, mode='reflect') if pad[0] else x
    return nnf.conv2d(padded, kernel, bias, stride=stride, dilation=dilation)


def pose_code(state: dict[str, Tensor], mesh: Tensor) -> Tensor:
    """Pose code of maps (B, 1, H, W)."""

    def layer(name: str, x: Tensor, **options) -> Tensor:
        return nnf.instance_norm(convolved(state, f'enc_content.model.{name}.conv', x, **options))

    x = mesh
    for n, stride in enumerate((2, 1, 1, 2)):
        x = lrelu(layer(str(n), x, stride=stride))
    for block in range(4):
        at = f'4.model.{block}.model'
        x = x + layer(f'{at}.1', lrelu(layer(f'{at}.0', x)))
    branches = [layer('5.conv1', x)]
    for name, dilation in (('conv6', 3), ('conv12', 6), ('conv18', 9)):
        inner = lrelu(layer(f'5.{name}.0', x))
        branches.append(layer(f'5.{name}.1', inner, dilation=dilation))
    return layer('5.fuse', torch.cat(branches, dim=1))


def decoded(state: dict[str, Tensor], pose: Tensor, content: Tensor) -> Tensor:
    """Images of a pose code and content, of which head k reads the k-th quarter."""

    def head(name: str, x: Tensor) -> Tensor:
        for n in range(3):
            fc = f'{name}.model.{n}.fc'
            x = nnf.linear(x, state[f'{fc}.weight'], state[f'{fc}.bias'])
            x = lrelu(x) if n < 2 else x
        return x

    def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        return scale[..., None, None] * (x - mean) / (var + 1e-5).sqrt() + shift[..., None, None]

    x = pose
    for block, run in enumerate(content.chunk(4, dim=1)):
        # the first half of what a head gives is of the block's first layer
        scales = head(f'mlp_w{block + 1}', run).chunk(2, dim=1)
        shifts = head(f'mlp_b{block + 1}', run).chunk(2, dim=1)
        at = f'dec.model.1.model.{block}.model'
        y = lrelu(adain(convolved(state, f'{at}.0.conv', x), scales[0], shifts[0]))
        x = x + adain(convolved(state, f'{at}.1.conv', y), scales[1], shifts[1])
    for n in (3, 5):
        x = convolved(state, f'dec.model.{n}.conv', nnf.interpolate(x, scale_factor=2))
        mean, std = (stat(x.flatten(1), 1)[:, None, None, None] for stat in (torch.mean, torch.std))
        gamma, beta = state[f'dec.model.{n}.norm.gamma'], state[f'dec.model.{n}.norm.beta']
        x = lrelu((x - mean) / (std + 1e-5) * gamma[:, None, None] + beta[:, None, None])
    for n in (6, 7):
        x = lrelu(convolved(state, f'dec.model.{n}.conv', x))
    return convolved(state, 'dec.model.8.conv', x)


def discriminator(dim: int = 4) -> dict[str, Tensor]:
    """Discriminator of three scales; published: dim 32."""
    state = {}
    for scale in range(3):
        dims = ((3, dim, 1), (dim, dim, 3), (dim, dim, 3), (dim, dim, 3), (dim, 2 * dim, 3))
        for n, (a, b, size) in enumerate(dims):
            state |= conv(f'cnns.{scale}.{n}.conv', a, b, size)
        for n in range(5, 9):
            for layer in range(2):
                state |= conv(f'cnns.{scale}.{n}.model.{layer}.conv', 2 * dim, 2 * dim, 3)
        state |= conv(f'cnns.{scale}.9', 2 * dim, 1, 1)
    return state


def judged(state: dict[str, Tensor], img: Tensor) -> list[Tensor]:
    """Logits of each scale, the finest first."""
    logits = []
    for scale in range(3):
        x = img
        for n, stride in enumerate((1, 1, 2, 1, 2)):
            x = lrelu(convolved(state, f'cnns.{scale}.{n}.conv', x, stride=stride))
        for n in range(5, 9):
            at = f'cnns.{scale}.{n}.model'
            y = lrelu(convolved(state, f'{at}.0.conv', x))
            x = x + convolved(state, f'{at}.1.conv', y)
        logits.append(convolved(state, f'cnns.{scale}.9', x))
        img = nnf.avg_pool2d(img, 3, stride=2, padding=1, count_include_pad=False)
    return logits
