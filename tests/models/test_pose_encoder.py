import pytest
import torch
from torch import nn

from reidgen.models.encoders import PoseEncoder

pytestmark = pytest.mark.usefixtures('seeded')


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_pose_encoder_has_the_published_size():
    with torch.device('meta'):
        encoder = PoseEncoder()
        code = encoder(torch.empty(2, 1, 256, 128))
    assert count(encoder) == 380_544
    assert code.shape == (2, 128, 64, 32)
    assert encoder.out_dim == 128


def test_pose_encoder_takes_joint_maps_of_small_images():
    encoder = PoseEncoder(
        in_channels=17, base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=6, dilations=(1, 2, 3)
    )
    assert encoder(torch.randn(2, 17, 32, 16)).shape == (2, 6, 8, 4)


def test_pose_encoder_refuses_maps_whose_size_would_not_come_back():
    encoder = PoseEncoder(base_dim=2, num_res_blocks=1, aspp_dim=2, out_dim=2)
    with pytest.raises(ValueError, match='66 x 32; both must be multiples of 4'):
        encoder(torch.randn(1, 1, 66, 32))


def test_pose_encoder_ends_normalised_and_without_activation():
    encoder = PoseEncoder(base_dim=2, num_res_blocks=1, aspp_dim=2, out_dim=3, dilations=(1,))
    code = encoder(torch.randn(2, 1, 32, 32))
    assert torch.allclose(code.mean((2, 3)), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(code.var((2, 3), unbiased=False), torch.ones(2, 3), atol=1e-2)
