import pytest
import torch
from torch import nn

from reidgen.models.encoders import ContentEncoder, EmbeddingHead, IdentityClassifier
from reidgen.models.layers.batch_norm import batch_norms

pytestmark = pytest.mark.usefixtures('seeded')


def train_five_steps(encoder: nn.Module) -> dict[str, torch.Tensor]:
    """Five steps on noise; the state before them."""
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
    for _ in range(5):
        encoder.train()  # as the loop does; frozen batch norm must survive it
        optimizer.zero_grad()
        encoder(torch.randn(4, 3, 32, 16)).embedding.square().sum().backward()
        optimizer.step()
    return before


def norm_tensors(encoder: ContentEncoder, *kinds: str) -> list[str]:
    """Keys of the trunk's batch norms that end in one of these."""
    return [
        f'trunk.{name}.{kind}'
        for name, module in encoder.trunk.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for kind in kinds
    ]


@pytest.mark.slow
@pytest.mark.parametrize('frozen_bn', ['none', 'stats', 'stats+affine'])
def test_frozen_batch_norm_keeps_statistics_and_on_request_its_weights(frozen_bn):
    encoder = ContentEncoder('resnet18', embed_dim=8, frozen_bn=frozen_bn)
    before, after = train_five_steps(encoder), encoder.state_dict()

    def still(*kinds):
        return [torch.equal(before[key], after[key]) for key in norm_tensors(encoder, *kinds)]

    statistics = still('running_mean', 'running_var', 'num_batches_tracked')
    assert all(statistics) if frozen_bn != 'none' else not any(statistics)
    affine = still('weight', 'bias')
    assert all(affine) if frozen_bn == 'stats+affine' else not any(affine)
    # the neck is no part of the trunk
    assert not torch.equal(before['neck.running_mean'], after['neck.running_mean'])
    encoder.eval()
    assert not any(layer.training for layer in batch_norms(encoder))


@pytest.mark.slow
@pytest.mark.parametrize('trunk, early', [('resnet18', 'conv1 bn1 layer1'), ('mobilenet_v2', '')])
def test_freeze_at_1_leaves_the_trunk_up_to_a_quarter_of_the_size_alone(trunk, early):
    encoder = ContentEncoder(trunk, embed_dim=8, freeze_at=1)
    early = early.split() or [f'features.{number}' for number in range(4)]
    before, after = train_five_steps(encoder), encoder.state_dict()
    frozen = [key for key in before if key.startswith(tuple(f'trunk.{part}.' for part in early))]
    assert frozen
    for key in before:
        if 'num_batches' not in key:
            assert torch.equal(before[key], after[key]) is (key in frozen), key
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is None) is (name in frozen)


def test_without_neck_and_linear_layer_the_embedding_is_the_pooled_map():
    encoder = ContentEncoder('resnet18', embed_dim=None, neck=False, num_parts=1).eval()
    img = torch.randn(2, 3, 32, 16)
    code = encoder(img)
    assert torch.equal(code.embedding, code.pre_bn)
    torch.testing.assert_close(code.embedding, encoder.trunk(img).mean((2, 3)))
    assert all(key.startswith('trunk.') for key in encoder.state_dict())


def test_a_head_is_random_in_training_alone_and_starts_as_published():
    head = EmbeddingHead(2048, 512, slope=0.1, dropout=0.5)
    pooled = torch.randn(4, 2048)
    assert not torch.equal(head(pooled), head(pooled))
    head.eval()
    assert torch.equal(head(pooled), head(pooled))
    assert head(pooled).min() < 0
    assert head.linear.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.02)
    assert head.norm.weight.mean().item() == pytest.approx(1, abs=0.01)
    assert head.norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert not head.linear.bias.any()


def test_the_classifier_drops_what_it_reads_and_may_have_a_bias():
    classifier = IdentityClassifier(1000, 3, bias=True, dropout=0.5)
    nn.init.ones_(classifier.linear.weight)
    assert not classifier.linear.bias.any()
    kept = classifier(torch.ones(1, 1000))[0, 0].item() / 2  # the rest counts twice
    assert 400 < kept < 600
    assert classifier.eval()(torch.ones(1, 1000))[0, 0] == 1000
