"""Page in a browser to try a model; `page` alone needs gradio (`pip install 'reidgen[demo]'`)."""
