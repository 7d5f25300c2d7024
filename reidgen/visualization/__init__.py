"""Visualization of results: ranked lists, CMC and loss curves, translation grids."""

from reidgen.visualization.curves import draw_cmc, draw_loss_curves
from reidgen.visualization.grids import panel, save_png
from reidgen.visualization.ranked_lists import draw_ranked_lists

__all__ = ['draw_cmc', 'draw_loss_curves', 'draw_ranked_lists', 'panel', 'save_png']
