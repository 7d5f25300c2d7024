import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.inference.images import as_list, to_uint8


def read(images) -> torch.Tensor:
    return torch.stack([to_uint8(image, place) for place, image in enumerate(as_list(images))])


def test_every_kind_of_image_gives_the_same_pixels(pixels, paths):
    tensors = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    kinds = dict(
        paths=paths,
        strings=list(map(str, paths)),
        pil=[Image.fromarray(image) for image in pixels],
        arrays=list(pixels),
        array=pixels,
        mirrored_twice=pixels[:, :, ::-1][:, :, ::-1],
        tensors=list(tensors),
        tensor=tensors,
        floats=tensors / 255,
        doubles=tuple(tensors.double() / 255),
    )
    for name, images in kinds.items():
        assert torch.equal(read(images), tensors), name
        assert torch.equal(read(images[2]), tensors[2:3]), name


def test_a_turned_photograph_is_read_upright_from_a_file_and_from_memory(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(pixels[0]).save(tmp_path / 'a.png', exif=exif)
    expected = torch.from_numpy(np.rot90(pixels[0], -1).copy()).permute(2, 0, 1)
    assert torch.equal(read(tmp_path / 'a.png')[0], expected)
    assert torch.equal(read(Image.open(tmp_path / 'a.png'))[0], expected)


GOOD = torch.zeros(3, 4, 4)


@pytest.mark.parametrize(
    'images, message',
    [
        ([], 'no images: the list is empty'),
        (np.zeros((0, 8, 8, 3), np.uint8), 'no images'),
        ([GOOD, GOOD + 7], r'image 1 has floats from 7 to 7, .* convert it with \.round'),
        ([GOOD - 1], r'image 0 has floats from -1 .* the model does that itself'),
        ([GOOD * float('nan')], 'image 0 has floats from nan to nan'),
        ([torch.zeros(4, 8, 8)], r'image 0 is a tensor \(4, 8, 8\) float32, .*image\[:3\]'),
        ([torch.zeros(1, 8, 8)], r'image\.expand\(3, -1, -1\)'),
        ([torch.zeros(8, 4, 3)], r'image\.permute\(2, 0, 1\)'),
        ([torch.zeros(8, 8)], 'give one image each'),
        ([torch.zeros(3, 8, 8, dtype=torch.int64)], r'image\.to\(torch\.uint8\)'),
        ([np.zeros((3, 8, 5), np.uint8)], r'image 0 is an array .* image\.transpose\(1, 2, 0\)'),
        ([np.zeros((8, 4, 4), np.uint8)], r'image\[:, :, :3\]'),
        ([np.zeros((8, 4), np.uint8)], r'repeat its grey'),
        ([np.zeros((8, 4, 3))], r'float64, and arrays are \(H, W, 3\) uint8 RGB; give 0\.\.255'),
        ([np.zeros((2, 8, 4, 3), np.uint8)], 'give one image each'),
    ],
)
def test_what_is_no_image_is_refused_with_its_place_and_the_fix(images, message):
    with pytest.raises(ValueError, match=message):
        read(images)


@pytest.mark.parametrize('images, name', [(7, 'int'), ([GOOD, None], 'image 1 is a NoneType')])
def test_another_type_is_refused_with_what_can_be_given(images, name):
    with pytest.raises(TypeError, match=f'{name}; give a path, a PIL image'):
        read(images)


def test_a_generator_is_refused_with_the_fix():
    with pytest.raises(TypeError, match=r'a generator; give .*: list\(images\)'):
        read(x for x in [GOOD])


def test_a_text_file_and_a_folder_are_refused_with_their_place(tmp_path, paths):
    (tmp_path / 'note.txt').write_text('no picture')
    with pytest.raises(OSError, match=r'image 1 \(.*note\.txt\) cannot be read: .*leave it out'):
        read([paths[0], tmp_path / 'note.txt'])
    with pytest.raises(OSError, match=r'image 0 \(nowhere\.jpg\) is not there'):
        read('nowhere.jpg')
    with pytest.raises(ValueError, match=r'image 0 is the folder .*rglob'):
        read([tmp_path])
