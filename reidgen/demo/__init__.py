"""Page in a browser to try a model. Importing it needs gradio (`pip install 'reidgen[demo]'`)."""

from .gallery import Gallery
from .page import build_page, serve

__all__ = ['Gallery', 'build_page', 'serve']
