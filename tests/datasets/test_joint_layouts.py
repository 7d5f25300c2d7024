"""Orders of joints: names, limbs, mirrored poses."""

import pytest
import torch

from reidgen.datasets.joint_layouts import LAYOUTS, LSP_IN_MPII, flip_joints, lsp_to_mpii
from reidgen.synthetic import JOINTS


@pytest.mark.parametrize('name', LAYOUTS)
def test_a_layout_has_as_many_joints_as_its_name_says(name):
    layout = LAYOUTS[name]
    assert len(layout.names) == len(set(layout.names)) == int(name[-2:])
    paired = {number for pair in layout.swap for number in pair}
    sided = {n for n, joint in enumerate(layout.names) if joint[:2] in ('r_', 'l_')}
    assert paired == sided
    # a mirrored skeleton is the same skeleton
    limbs = {frozenset(limb) for limb in layout.limbs}
    assert {frozenset(layout.mirrored[joint] for joint in limb) for limb in limbs} == limbs
    assert len(limbs) == len(layout.limbs)


def test_slots_of_mpii_are_where_they_are_published():
    assert LSP_IN_MPII == (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9)
    layout = LAYOUTS['mpii16']
    assert sorted(map(sorted, layout.swap)) == [
        [0, 5],
        [1, 4],
        [2, 3],
        [10, 15],
        [11, 14],
        [12, 13],
    ]
    starts = [0, 1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14]
    assert list(layout.limbs) == [(start, start + 1) for start in starts]


def test_joints_of_openpose_are_those_of_the_rendered_people():
    assert LAYOUTS['openpose18'].names == JOINTS
    swap = [(2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (14, 15), (16, 17)]
    assert sorted(LAYOUTS['openpose18'].swap) == swap


def test_lsp_in_slots_of_mpii_lacks_pelvis_and_thorax():
    joints = torch.cat([torch.arange(28.0).view(14, 2), torch.ones(14, 1)], 1)
    slots = lsp_to_mpii(joints)
    assert (slots[:, 2] == 0).nonzero().flatten().tolist() == [6, 7]
    assert torch.equal(slots[8], joints[12])  # neck
    assert torch.equal(slots[10], joints[6])  # r_wrist


def test_mirroring_swaps_sides_and_twice_is_nothing():
    joints = torch.tensor([[float(n), 2.0 * n, 1.0] for n in range(16)])
    joints[3] = 0.0  # absent
    once = flip_joints(joints, 'mpii16', width=64)
    assert once[0].tolist() == [63 - 5.0, 10.0, 1.0]
    assert once[2].tolist() == [0.0, 0.0, 0.0]
    assert torch.equal(flip_joints(once, 'mpii16', width=64), joints)
    with pytest.raises(ValueError, match=r"layout is 'coco'.*did you mean 'coco17'"):
        flip_joints(joints, 'coco', 64)
