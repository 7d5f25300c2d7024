"""Fits of the built-in body to 2-D joints, and the mesh views of fitted bodies."""

from reidgen.body_fit.maps import Written, as_points, write_maps
from reidgen.body_fit.meshes import draw_views, shot_of
from reidgen.body_fit.solver import Fits, fit_bodies

__all__ = ['Fits', 'Written', 'as_points', 'draw_views', 'fit_bodies', 'shot_of', 'write_maps']
