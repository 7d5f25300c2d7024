"""Gradio page: search, translation, swap."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')  # before gradio is imported


import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from reidgen.inference import Model
from reidgen.inference.code_swap import CodeSwap
from reidgen.spacing import evenly_spaced

from .gallery import Gallery, decoded

NUM_EXAMPLES = 8
FONTS = [gr.themes.Font('system-ui'), gr.themes.Font('sans-serif')]  # of the machine, no network
EXPORT = (
    'This model file has no generators. Write one that has: `reidgen export CONFIG CHECKPOINT '
    '--translate --out generators.safetensors`, then `reidgen demo --model generators.safetensors`.'
)
BUTTONS = ['download', 'fullscreen']  # no 'share', which would send pictures to Hugging Face
# names of files are told apart by their ends; four columns of results are too narrow on a phone
CSS = (
    '#found .caption-label { white-space: normal; overflow-wrap: anywhere; max-width: 100%; '
    'position: static } '  # below the picture: upon it, it would hide the legs
    '#found .thumbnail-lg { height: auto; aspect-ratio: auto; display: flex; '
    'flex-direction: column } '
    '#found .thumbnail-lg img { height: 190px; object-fit: contain } '
    '#found .grid-wrap { padding-top: 36px } '  # below the label, which would hide a head
    '#pairs img { object-fit: contain } '  # whole persons, with their heads
    '@media (max-width: 600px) { #found .grid-container '
    '{ grid-template-columns: 1fr 1fr !important } }'
)
HONEST = (
    'Nearest is not the same person: it is a guess from clothes and build. Use it for no decision '
    'about a person.'
)


def serve(
    model: Model,
    gallery: Gallery | None,
    paths: Sequence[Path],
    host: str,
    port: int,
    open_browser: bool = False,
) -> None:
    """Serves the page until it is interrupted; nothing is sent elsewhere.

    Of the machine's files none is served, but copies of the pictures that are shown.

    Args:
        gallery, paths: as of `build_page`.

    Raises:
        OSError: the port is taken.
    """
    page = build_page(model, gallery, paths).queue()
    _, address, _ = page.launch(
        quiet=True,  # gradio advises a public link
        prevent_thread_lock=True,
        server_name=host,
        server_port=port,
        share=False,
        inbrowser=open_browser,
        footer_links=[],
        css=CSS,
        theme=gr.themes.Default(font=FONTS, font_mono=[gr.themes.Font('monospace')]),
    )
    print(f'Running on {address} until it is interrupted (Ctrl-C)', flush=True)
    page.block_thread()


def build_page(model: Model, gallery: Gallery | None, paths: Sequence[Path]) -> gr.Blocks:
    """The page, of three tabs.

    Args:
        gallery: None: the model has no features.
        paths: of pictures, some of which are the examples.
    """
    rows = evenly_spaced(len(paths), min(NUM_EXAMPLES, len(paths)))
    examples = [Image.fromarray(decoded(paths[row])) for row in rows]
    with gr.Blocks(title='reidgen', analytics_enabled=False) as page:
        gr.Markdown('# reidgen')
        gr.Markdown('  \n'.join(str(model.info).splitlines()))
        with gr.Tab('Search'):
            _search_tab(gallery, examples)
        with gr.Tab('Translate'):
            _translate_tab(model, examples)
        with gr.Tab('Swap'):
            _swap_tab(model, examples)
    return page


def _search_tab(gallery: Gallery | None, examples: list[Image.Image]) -> None:
    if gallery is None:
        gr.Markdown('This model file translates images and has no features to search by.')
        return
    gr.Markdown(f'{len(gallery.paths)} pictures are searched. {_threshold(gallery.model)}{HONEST}')
    with gr.Row():
        with gr.Column(scale=1, min_width=220):
            query, cameras = _picture('Person to find'), gallery.model.info.cameras
            camera = gr.Dropdown(
                cameras, label='Camera of this picture', visible=bool(cameras), interactive=True
            )
            top = gr.Slider(1, 20, value=8, step=1, label='How many')
            button = gr.Button('Search', variant='primary')
        with gr.Column(scale=3, min_width=300):
            found = gr.Gallery(
                label='Nearest first',
                columns=4,
                object_fit='contain',
                format='png',
                buttons=[*BUTTONS, 'download_all'],
                elem_id='found',
            )

    gr.Examples(examples, query, label='From the gallery')

    def search(
        image: np.ndarray | None, number: int, of: str | None
    ) -> list[tuple[np.ndarray, str]]:
        return gallery.search(_given(image, 'the person to find'), int(number), of or None)

    button.click(search, [query, top, camera], found)


def _translate_tab(model: Model, examples: list[Image.Image]) -> None:
    if not model.info.domains:
        gr.Markdown(EXPORT)
        return
    with gr.Row():
        with gr.Column(min_width=220):
            image, domain = _picture('Person'), _domain(model)
            button = gr.Button('Translate', variant='primary')
            if examples:
                gr.Examples(examples, image, label='From the gallery')
        with gr.Column(min_width=220):
            out = _result('In the style of the domain')

    def translate(given: np.ndarray | None, to: str) -> np.ndarray:
        return _pixels(model.translate(_given(given, 'a person'), to))[0]

    button.click(translate, [image, domain], out)


def _swap_tab(model: Model, examples: list[Image.Image]) -> None:
    if not model.info.domains:
        gr.Markdown(EXPORT)
        return
    try:
        CodeSwap(model.extractor.model, model.info.domains[0])
    except ValueError as error:
        gr.Markdown(f'{error}.')
        return
    gr.Markdown(
        'Each person in the structure of their picture, with the appearance code of the other. '
        'What changes is what the code holds; where the structure map is the picture itself '
        '(`Colour`), its colours stay.'
    )
    with gr.Row():
        first, second = _picture('A'), _picture('B')
    domain = _domain(model)
    button = gr.Button('Swap', variant='primary')
    with gr.Row():
        a = _result('A with the appearance of B')
        b = _result('B with the appearance of A')
    if examples:
        pairs = [list(pair) for pair in itertools.pairwise(examples)]
        gr.Examples(pairs, [first, second], label='From the gallery', elem_id='pairs')

    def swap(one: np.ndarray | None, two: np.ndarray | None, to: str) -> list[np.ndarray]:
        return _pixels(model.swap(_given(one, 'A'), _given(two, 'B'), to))

    button.click(swap, [first, second, domain], [a, b])


def _threshold(model: Model) -> str:
    if not model.info.calibration:
        return ''
    found = model.calibration
    return (
        f'"match" is a similarity from {1 - found.threshold / 2:.2f}, which {found.fmr:.1%} of the '
        f'pairs of two persons reached in its test, on other pictures than these. '
    )


def _picture(label: str) -> gr.Image:
    # without losses, so that a picture of the gallery finds itself at 1.00
    return gr.Image(label=label, sources=['upload', 'clipboard'], height=260, format='png')


def _result(label: str) -> gr.Image:
    return gr.Image(label=label, height=360, format='png', buttons=BUTTONS)


def _domain(model: Model) -> gr.Radio:
    return gr.Radio(model.info.domains, value=model.info.domains[0], label='In the style of')


def _given(image: np.ndarray | None, what: str) -> np.ndarray:
    if image is None:
        raise gr.Error(f'Give a picture of {what} first.', print_exception=False)
    return image


def _pixels(images: Tensor) -> list[np.ndarray]:
    """Arrays (H, W, 3) uint8 of (N, 3, H, W)."""
    return list(images.permute(0, 2, 3, 1).numpy())
