"""The checksum of a checkpoint's content."""

import copy
import math

import pytest
import torch

from reidgen.checkpoint import CHECKSUM, check_content, content_checksum

CONTENT = dict(
    state_dict=dict(a=torch.arange(6.0).view(2, 3), flag=torch.tensor(True), none=torch.zeros(0)),
    meta=dict(iter=3, name='a', rates=[0.1, None], shape=(2, 3), on=True),
)


@pytest.mark.parametrize(
    'change',
    [
        lambda c: c['state_dict']['a'].view(torch.int32)[1, 2].bitwise_xor_(1),
        lambda c: c['state_dict']['flag'].logical_not_(),
        lambda c: c['state_dict'].update(a=c['state_dict']['a'].view(3, 2)),
        lambda c: c['state_dict'].update(a=c['state_dict']['a'].double()),
        lambda c: c['state_dict'].update(none=torch.zeros(0, 1)),
        lambda c: c['state_dict'].update(b=c['state_dict'].pop('a')),
        lambda c: c['state_dict'].pop('flag'),
        lambda c: c['meta'].update(iter=3.0),
        lambda c: c['meta'].update(iter='3'),
        lambda c: c['meta'].update(on=1),
        lambda c: c['meta']['rates'].__setitem__(0, math.nextafter(0.1, 1)),
        lambda c: c['meta']['rates'].append(None),
        lambda c: c['meta'].update(shape=[2, 3]),
        lambda c: c.update(more={}),
    ],
)
def test_any_change_of_a_number_shape_type_or_name_changes_it(change):
    changed = copy.deepcopy(CONTENT)
    assert content_checksum(changed) == content_checksum(CONTENT)
    change(changed)
    assert content_checksum(changed) != content_checksum(CONTENT)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.int64, torch.complex64, torch.uint8])
def test_it_does_not_depend_on_the_layout_in_memory_or_a_trip_over_the_disk(dtype, tmp_path):
    value = torch.arange(12).view(3, 4).to(dtype)
    one, other = dict(a=value.t().contiguous()), dict(a=value.t())
    assert content_checksum(one) == content_checksum(other)
    torch.save(other, tmp_path / 'a.pth')
    assert content_checksum(torch.load(tmp_path / 'a.pth', weights_only=True)) == content_checksum(
        one
    )


def test_the_checksum_itself_is_left_out_and_checked():
    content = CONTENT | {CHECKSUM: content_checksum(CONTENT)}
    check_content(content, 'a.pth')  # raises nothing
    check_content(CONTENT, 'a.pth')  # a file without one
    with pytest.raises(ValueError, match=rf"a\.pth is damaged: .*remove its key '{CHECKSUM}'"):
        check_content(content | dict(meta={}), 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth is damaged: .*a checkpoint holds no set'):
        check_content(content | dict(meta={1}), 'a.pth')
