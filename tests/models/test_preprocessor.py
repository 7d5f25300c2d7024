"""BatchNormalizer: from the bytes of a loader to what networks see."""

from collections import namedtuple

import pytest
import torch

from reidgen.models import BatchNormalizer
from reidgen.structures import DomainBatch, ImageBatch

Batch = namedtuple('Batch', ['source', 'target'])


def image_batch(img) -> ImageBatch:
    row = torch.arange(len(img))
    return ImageBatch(img, pid=row + 7, camid=row, index=row)


def test_a_pixel_is_normalised_by_the_imagenet_statistics():
    img = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    out = BatchNormalizer()(image_batch(img)).img
    # 0, 0.2 and 1 of red, green, blue
    expected = [(0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    torch.testing.assert_close(out.flatten(), torch.tensor(expected))
    assert out.dtype == torch.float32
    assert out.shape == (1, 3, 1, 1)


def test_half_and_half_gives_minus_one_to_one():
    img = torch.tensor([0, 255, 102], dtype=torch.uint8).view(1, 3, 1, 1)
    normalizer = BatchNormalizer(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    torch.testing.assert_close(normalizer(img).flatten(), torch.tensor([-1.0, 1.0, -0.2]))


@pytest.mark.parametrize('channels', [1, 3, 18])
def test_maps_go_to_minus_one_to_one_whatever_their_channels(channels):
    img = torch.full((2, 3, 2, 2), 204, dtype=torch.uint8)
    maps = torch.zeros(2, channels, 2, 2, dtype=torch.uint8)
    maps[0], maps[1] = 255, 51
    row = torch.arange(2)
    out = BatchNormalizer()(DomainBatch(img, maps, 255 - maps, row, row, row))
    assert isinstance(out, DomainBatch)
    torch.testing.assert_close(out.pose_map[:, 0, 0, 0], torch.tensor([1.0, -0.6]))
    torch.testing.assert_close(out.novel_map[:, 0, 0, 0], torch.tensor([-1.0, 0.6]))
    assert len(out.pose_map.unique()) == len(out.novel_map.unique()) == 2
    torch.testing.assert_close(out.img[1, 2, 0, 0], torch.tensor((0.8 - 0.406) / 0.225))


def test_other_types_stay_as_they_are():
    mask, heat = torch.tensor([[True, False]]), torch.tensor([[0.25, 300.0]])
    data = dict(mask=mask, heat_map=heat, pid=torch.tensor([5, -1]), name='0001_c1.png', none=None)
    out = BatchNormalizer()(data)
    assert out.keys() == data.keys()
    for key in ('mask', 'heat_map', 'pid'):
        assert out[key].dtype == data[key].dtype
        assert torch.equal(out[key], data[key])
    assert [out['name'], out['none']] == ['0001_c1.png', None]


def test_nested_batches_keep_their_structure_and_the_loaders_bytes_are_not_touched():
    img = torch.full((2, 3, 4, 2), 255, dtype=torch.uint8)
    data = Batch(image_batch(img), [image_batch(img[:1]), (img, {'pose_map': img})])
    out = BatchNormalizer()(data)
    assert type(out) is Batch
    assert type(out.source) is type(out.target[0]) is ImageBatch
    assert type(out.target) is list
    assert type(out.target[1]) is tuple
    white = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    for tensor in (out.source.img, out.target[0].img, out.target[1][0]):
        torch.testing.assert_close(tensor[0, :, 0, 0], white)
    assert torch.equal(out.target[1][1]['pose_map'], torch.ones(2, 3, 4, 2))
    assert torch.equal(out.source.pid, torch.tensor([7, 8]))
    assert torch.equal(img, torch.full_like(img, 255))
    assert img.dtype == torch.uint8


def test_a_batch_goes_where_the_model_is():
    normalizer = BatchNormalizer()
    assert normalizer.device == torch.device('cpu')
    normalizer = normalizer.to('meta')
    assert normalizer.device == torch.device('meta')
    out = normalizer(image_batch(torch.zeros(2, 3, 4, 2, dtype=torch.uint8)))
    assert {field.device.type for field in out} == {'meta'}


def test_the_normaliser_of_a_model_moves_with_it(build_toy):
    model = build_toy().to('meta')
    assert model.data_preprocessor.device == torch.device('meta')


def test_nothing_of_it_is_kept_in_a_checkpoint():
    assert BatchNormalizer().state_dict() == {}


def test_statistics_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r'std must have three values, .*got \(0.5,\)'):
        BatchNormalizer(mean=(0.5, 0.5, 0.5), std=(0.5,))
