"""Visualization of results: ranked lists, CMC and loss curves, grids, clusters."""

from reidgen.visualization.clusters import draw_largest_clusters
from reidgen.visualization.curves import draw_cmc, draw_loss_curves
from reidgen.visualization.grids import panel, save_png
from reidgen.visualization.log_visualizer import LogVisualizer
from reidgen.visualization.ranked_lists import Cell, draw_lines

__all__ = [
    'Cell',
    'LogVisualizer',
    'draw_cmc',
    'draw_largest_clusters',
    'draw_lines',
    'draw_loss_curves',
    'panel',
    'save_png',
]
