"""Visualizer of scalars and of pictures that were drawn elsewhere."""

from typing import Any

from mmengine.visualization import Visualizer

from reidgen.registry import VISUALIZERS


class _NoFigure:
    """Stands where mmengine's visualizer keeps its matplotlib figure."""

    def get_dpi(self) -> float:
        return 100.0

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f'LogVisualizer has no figure to draw on ({name}): to draw on images, set '
            "visualizer.type='Visualizer'"
        )


@VISUALIZERS.register_module()
class LogVisualizer(Visualizer):
    """mmengine's Visualizer without a figure: scalars, configs and whole images to the backends.

    Importing matplotlib and setting up a figure that no training here draws on takes a second of
    every start.

    Args:
        name, vis_backends, save_dir and so on: as of mmengine.visualization.Visualizer.
    """

    def _initialize_fig(self, fig_cfg: dict) -> tuple:
        return (_NoFigure(),) * 3
