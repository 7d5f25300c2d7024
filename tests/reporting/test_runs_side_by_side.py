"""Reports of several runs: which are refused."""

import pytest

from reidgen.reporting import write_report


def test_one_folder_given_twice_is_refused(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').symlink_to('a')
    for second in ('a', 'b'):
        with pytest.raises(ValueError, match=rf'a and .*{second} are one folder; give each work'):
            write_report([tmp_path / 'a', tmp_path / second], tmp_path / 'page.html')
