"""CameraColourTransfer: colours of heads, matched in closed form."""

import numpy as np
import pytest
import torch

from projects.gcl_camera.gcl_camera import CameraColourTransfer
from projects.gcl_camera.gcl_camera.colour_transfer import band_of
from reidgen.datasets import ShapesReID


class Tinted(ShapesReID):
    """Drawn figures as their cameras see them: a scale and a shift of each channel."""

    gains: dict = {}

    def read_image(self, record):
        scale, shift = self.gains.get(record.camid, (1.0, 0.0))
        picture = super().read_image(record).float() * torch.as_tensor(scale).reshape(-1, 1, 1)
        return (picture + torch.as_tensor(shift).reshape(-1, 1, 1)).round().to(torch.uint8)


def tinted(gains=None, **options) -> ShapesReID:
    options = dict(pose_map=dict(type='ShapesMap'), num_identities=6) | options
    dataset = Tinted(domain='a', size=(64, 32), split='train', images_per_identity=4, **options)
    dataset.gains = gains or {}
    return dataset.plain(maps=True)


def test_a_band_is_the_body_between_two_heights():
    body = np.zeros((20, 4), bool)
    body[5:15, 1:3] = True
    expected = np.zeros_like(body)
    expected[7:10, 1:3] = True
    assert np.array_equal(band_of(body, (0.2, 0.5)), expected)
    assert band_of(body, (0.0, 0.01)).sum() == 2  # one row at least
    assert not band_of(np.zeros((20, 4), bool), (0.0, 0.1)).any()


def test_it_undoes_what_a_camera_did_and_does_what_another_does():
    cameras = sorted(set(tinted().camids.tolist()))
    assert len(cameras) > 1
    dark = {camera: ([0.5, 0.6, 0.7], [float(camera), 3.0, 5.0]) for camera in cameras}
    source, target = tinted(dark), tinted()
    # the same figures: equal moments
    colours = CameraColourTransfer(source, target)
    for row in range(len(source)):
        item = source[row]
        camid = torch.tensor([item.camid])
        changed = colours.transfer(item.img[None], camid, camid)[0]
        # dark pictures are rounded to whole levels before they are stretched to twice that
        assert (changed - target[row].img).abs().max() <= 2.5
        assert (item.img.float() - target[row].img).abs().max() > 20


def test_heads_alone_are_measured():
    class Recoloured(Tinted):
        """Another picture below the heads."""

        def read_image(self, record):
            picture = super().read_image(record)
            body = self.read_map(record, 0)[-1].numpy() > 48
            head = torch.from_numpy(band_of(body, (0.0, 0.2)))
            return torch.where(head, picture, 255 - picture)

    options = dict(pose_map=dict(type='ShapesMap'), num_identities=6, images_per_identity=4)
    other = Recoloured(domain='a', size=(64, 32), split='train', **options).plain(maps=True)
    source, item = tinted(), tinted()[0]
    same, inverted = (
        CameraColourTransfer(source, target).transfer(
            item.img[None], torch.tensor([item.camid]), None
        )
        for target in (source, other)
    )
    torch.testing.assert_close(same, inverted)
    # they are other pictures: bodies, which lie below, have another mean
    means = [each[0].img[:, each[0].pose_map[-1] > 48].float().mean() for each in (source, other)]
    assert abs(means[0] - means[1]) > 5


def test_a_camera_without_images_has_the_colours_of_all():
    colours, item = CameraColourTransfer(tinted(), tinted({0: (0.5, 9.0)})), tinted()[3]
    img, camid = item.img[None], torch.tensor([item.camid])
    assert torch.equal(
        colours.transfer(img, camid, torch.tensor([77])), colours.transfer(img, camid, None)
    )


def test_what_it_needs_is_asked_for(monkeypatch):
    with pytest.raises(ValueError, match=r'where the heads of .* give its loader a pose_map'):
        CameraColourTransfer(tinted(), tinted(pose_map=None))
    monkeypatch.setattr(ShapesReID, 'read_map', lambda *_: torch.zeros(1, 64, 32).byte())
    with pytest.raises(ValueError, match=r'cameras .* have seen no head: .* above 48 of 255'):
        CameraColourTransfer(tinted(), tinted())
