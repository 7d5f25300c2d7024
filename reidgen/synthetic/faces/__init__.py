"""Renderer of the built-in faces: heads at 13 yaws under 20 lights."""

from reidgen.synthetic.faces.lights import NUM_LIGHTS, TRUTH_LIGHT
from reidgen.synthetic.faces.plan import (
    FACE_SIZES,
    TRUTH_FOLDER,
    TRUTH_YAW,
    YAWS_DEG,
    FacePlan,
    FaceSize,
    face_name,
)
from reidgen.synthetic.faces.writer import ensure_faces

__all__ = [
    'FACE_SIZES',
    'NUM_LIGHTS',
    'TRUTH_FOLDER',
    'TRUTH_LIGHT',
    'TRUTH_YAW',
    'YAWS_DEG',
    'FacePlan',
    'FaceSize',
    'ensure_faces',
    'face_name',
]
