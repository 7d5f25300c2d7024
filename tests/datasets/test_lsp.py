"""LSP: both forms of joints.mat, splits, crops around people."""

import numpy as np
import pytest
import torch
from scipy.io import savemat

from reidgen.datasets import LSP, lsp
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.lsp import read_joints_mat


def joints_of(num_people: int) -> np.ndarray:
    """(N, 14, 3): x, y within 40 x 30, joint 3 hidden, joint 4 with coordinates below 0."""
    rng = np.random.default_rng(0)
    joints = np.concatenate(
        [rng.uniform(5, 25, (num_people, 14, 2)), np.ones((num_people, 14, 1))], 2
    )
    joints[:, 3, 2] = 0
    joints[:, 4, :2] = -1
    return joints


def write_lsp(joints: np.ndarray, path) -> None:
    """As LSP has it: axes (3, 14, N), the flag 1 where a joint is occluded."""
    joints = joints.copy()
    joints[..., 2] = 1 - joints[..., 2]
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, dict(joints=joints.transpose(2, 1, 0)))


def write_extended(joints: np.ndarray, path) -> None:
    """As LSP extended has it: axes (14, 3, N), the flag 1 where a joint is visible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, dict(joints=joints.transpose(1, 2, 0)))


@pytest.fixture
def root(tmp_path, draw_image, monkeypatch):
    """Four people of LSP, of whom two are for training, and three of the extended set."""
    monkeypatch.setattr(lsp, 'NUM_TRAIN', 2)
    write_lsp(joints_of(4), tmp_path / 'lsp/joints.mat')
    write_extended(joints_of(3), tmp_path / 'lspet/joints.mat')
    for number in range(1, 5):
        draw_image(tmp_path / f'lsp/images/im{number:04d}.jpg', (30, 40))
    for number in range(1, 4):
        draw_image(tmp_path / f'lspet/images/im{number:05d}.jpg', (30, 40))
    return tmp_path


def test_both_forms_of_the_file_tell_the_same(tmp_path):
    joints = joints_of(5)
    write_lsp(joints, tmp_path / 'a.mat')
    write_extended(joints, tmp_path / 'b.mat')
    expected = torch.from_numpy(joints).float()
    assert torch.equal(read_joints_mat(tmp_path / 'a.mat'), expected)
    assert torch.equal(read_joints_mat(tmp_path / 'b.mat'), expected)
    other = read_joints_mat(tmp_path / 'a.mat', flag='visible')
    assert torch.equal(other[..., 2], 1 - expected[..., 2])


def test_the_first_of_lsp_and_the_extended_set_are_for_training(root):
    names = [record.path[len(str(root)) + 1 :] for record in LSP(str(root)).records]
    own = ['lsp/images/im0001.jpg', 'lsp/images/im0002.jpg']
    assert names == [*own, *(f'lspet/images/im0000{number}.jpg' for number in (1, 2, 3))]
    assert len(LSP(str(root), extended=False)) == 2
    test = LSP(str(root), 'query')
    assert [record.path[-8:] for record in test.records] == ['0003.jpg', '0004.jpg']
    assert set(test.pids.tolist()) == {-1}


def test_joints_below_zero_are_absent_and_hidden_ones_if_asked(root):
    for drop_hidden, absent in ((False, [4]), (True, [3, 4])):
        dataset = LSP(str(root), drop_hidden=drop_hidden)
        joints = dataset.read_joints(dataset.records[0])
        assert (joints[:, 2] == 0).nonzero().flatten().tolist() == absent
        assert (joints[absent] == 0).all()
        expected = torch.from_numpy(joints_of(4)[0, 0, :2]).float()
        torch.testing.assert_close(joints[0, :2], expected)


def test_a_crop_shows_the_person_and_moves_the_joints(root):
    plain, cropped = LSP(str(root)), LSP(str(root), crop=64)
    for record in plain.records:
        joints = plain.read_joints(record)
        seen = joints[:, 2] > 0
        low, high = joints[seen, :2].amin(0), joints[seen, :2].amax(0)
        half = 0.75 * (high - low).max()
        expected = (joints[seen, :2] - (low + high) / 2 + half) * 64 / (2 * half)
        torch.testing.assert_close(cropped.read_joints(record)[seen, :2], expected)
        img = cropped.read_image(record)
        assert img.shape == (3, 64, 64)
    # its middle is that of the box, and what is beside the picture is black
    record = plain.records[0]
    joints = plain.read_joints(record)[plain.read_joints(record)[:, 2] > 0, :2]
    low, high = joints.amin(0), joints.amax(0)
    x, y = ((low + high) / 2).tolist()
    half = 0.75 * (high - low).max().item()
    around = read_rgb(record.path).float()
    rows = slice(max(round(y - half), 0), round(y + half))
    columns = slice(max(round(x - half), 0), round(x + half))
    shown = cropped.read_image(record).float()
    inside = (shown.amax(0) > 0).float().mean()
    share = around[:, rows, columns][0].numel() / (2 * half) ** 2
    assert inside.item() == pytest.approx(share, abs=0.08)


def test_heatmaps_of_three_joints_are_images(root):
    dataset = LSP(
        str(root),
        pose_map=dict(type='JointMaps', layout='lsp14', joints=[0, 1, 2], box='person'),
        transforms=[dict(type='MapAsImage')],
    )
    img = dataset[0].img
    assert img.shape == (3, 64, 64)
    assert img.amax((1, 2)).tolist() == [255, 255, 255]


def test_damaged_files_are_named(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.mat; put LSP's joints\.mat"):
        read_joints_mat(tmp_path / 'none.mat')
    (tmp_path / 'text.mat').write_bytes(b'no such thing')
    with pytest.raises(ValueError, match=r'text\.mat is no MATLAB file'):
        read_joints_mat(tmp_path / 'text.mat')
    savemat(tmp_path / 'flat.mat', dict(joints=np.zeros((4, 14))))
    with pytest.raises(ValueError, match=r'joints of shape \(4, 14\); LSP has numbers'):
        read_joints_mat(tmp_path / 'flat.mat')
    with pytest.raises(ValueError, match="flag is 'seen'"):
        read_joints_mat(root / 'lsp/joints.mat', flag='seen')
    with pytest.raises(ValueError, match=r"LSP has no split 'gallery'"):
        LSP(str(root), 'gallery')
    (root / 'lspet/images/im00003.jpg').unlink()
    with pytest.raises(ValueError, match=r'joints of 3 people, .* 2 pictures'):
        LSP(str(root))
