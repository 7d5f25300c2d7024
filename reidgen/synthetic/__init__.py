"""Renderer of the built-in synthetic people, in numpy, scipy and OpenCV, without torch."""

from reidgen.synthetic.body import JOINTS
from reidgen.synthetic.manifest import check_files, read_manifest, reference_difference
from reidgen.synthetic.meshes import TURNS
from reidgen.synthetic.plan import DOMAINS, SIZES, Plan, Size
from reidgen.synthetic.rerender import mixed, rerender
from reidgen.synthetic.seeds import VERSION, Seeds
from reidgen.synthetic.shading import PARTS
from reidgen.synthetic.store import ensure
from reidgen.synthetic.swap import as_stored, pictures_by_name, render_swapped

__all__ = [
    'DOMAINS',
    'JOINTS',
    'PARTS',
    'SIZES',
    'TURNS',
    'VERSION',
    'Plan',
    'Seeds',
    'Size',
    'as_stored',
    'check_files',
    'ensure',
    'mixed',
    'pictures_by_name',
    'read_manifest',
    'reference_difference',
    'render_swapped',
    'rerender',
]
