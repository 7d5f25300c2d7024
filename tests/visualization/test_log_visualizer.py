import subprocess
import sys

import numpy as np
import pytest

from reidgen.visualization import LogVisualizer

CODE = """
import sys
from reidgen.visualization import LogVisualizer
LogVisualizer(save_dir=sys.argv[1], vis_backends=[dict(type='LocalVisBackend')])
sys.exit('matplotlib' in sys.modules)
"""


@pytest.mark.slow
def test_no_matplotlib_is_imported(tmp_path):
    assert subprocess.run([sys.executable, '-c', CODE, tmp_path]).returncode == 0


def test_scalars_and_pictures_reach_the_backends(tmp_path):
    backends = [dict(type='LocalVisBackend')]
    visualizer = LogVisualizer(save_dir=str(tmp_path), vis_backends=backends)
    visualizer.add_scalars(dict(loss=1.5), step=3)
    visualizer.add_image('grid', np.zeros((4, 4, 3), np.uint8), step=3)
    (scalars,) = tmp_path.rglob('scalars.json')
    assert scalars.read_text() == '{"loss": 1.5, "step": 3}\n'
    assert [path.name for path in tmp_path.rglob('*.png')] == ['grid_3.png']


def test_drawing_names_the_visualizer_that_can(tmp_path):
    visualizer = LogVisualizer(save_dir=str(tmp_path))
    with pytest.raises(AttributeError, match=r"set visualizer\.type='Visualizer'"):
        visualizer.set_image(np.zeros((4, 4, 3), np.uint8))
