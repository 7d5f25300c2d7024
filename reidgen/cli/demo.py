"""Page in a browser to try a model: the subcommand `demo`."""

import argparse
import importlib.util
import socket
from pathlib import Path

from reidgen.datasets import SyntheticReID
from reidgen.datasets.camera_names import camera_names
from reidgen.datasets.image_files import list_images
from reidgen.datasets.scenes import warn_of_scenes
from reidgen.demo.gallery import Gallery
from reidgen.inference import Model

NUM_RENDERED = 60  # of the gallery where none is given


def run(args: argparse.Namespace) -> None:
    """Serves the page until it is interrupted.

    Raises:
        ModuleNotFoundError: gradio is not installed.
        FileNotFoundError, ValueError, OSError: no such folder or model, or the port is taken.
    """
    if importlib.util.find_spec('gradio') is None:
        raise ModuleNotFoundError(
            "the demo needs gradio, which is not installed: pip install 'reidgen[demo]', in a "
            "clone pip install -e '.[demo]'"
        )
    paths = gallery(args.gallery)
    check_port(args.host, args.port)
    model = Model(args.model)
    print(model)
    from reidgen.demo.page import serve  # imports gradio

    cameras = cameras_of(model, args.gallery, paths)
    shown = Gallery(model, paths, cameras) if model.info.dims else None
    serve(model, shown, paths, args.host, args.port, not args.no_browser)


def check_port(host: str, port: int) -> None:
    """Raises OSError where a page cannot be served at an address, before pictures are embedded."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(address[:2], family=family):
            pass
    except OSError as error:
        raise OSError(
            f'no page can be served at {host}, port {port} ({error.strerror}): give another --port '
            f'or --host, or end the program that has it'
        ) from error


def cameras_of(model: Model, folder: str | None, paths: list[Path]) -> list[str] | None:
    """Cameras of the pictures by their sub-folders, where the model has statistics by camera.

    Raises:
        ValueError: no folder is given, or a sub-folder is none of the model's cameras.
    """
    if not model.info.cameras:
        return None
    if folder is None:
        raise ValueError(
            f'{model.info.name} has batch-norm statistics by camera: '
            f'{", ".join(model.info.cameras)}; give pictures of these: --gallery FOLDER, a '
            f'sub-folder a camera'
        )
    below = [path.absolute().relative_to(Path(folder).absolute()).as_posix() for path in paths]
    return camera_names(below, None, f'--gallery {folder}', 'other sub-folders')


def gallery(folder: str | None) -> list[Path]:
    """Pictures of a folder and its sub-folders; without one, rendered people."""
    if folder is not None:
        paths = list_images(Path(folder), recursive=True)
        warn_of_scenes(paths, folder)
        return paths
    people = SyntheticReID('synth_b', 'tiny', split='query+gallery', maps=False)
    paths = sorted({Path(record.path) for record in people.records})
    return paths[:: max(len(paths) // NUM_RENDERED, 1)]
