"""Model files and programs of other runtimes: the subcommand `export`."""

import argparse
from pathlib import Path

from reidgen.datasets.image_files import list_images
from reidgen.inference import Model, pack
from reidgen.inference.batch_norm import write_camera_file
from reidgen.inference.packing import Packing

from .main import is_model

PROGRAMS = ('.onnx', '.pt2')


def run(args: argparse.Namespace) -> Path:
    """Writes a model file, or the program of one, as the suffix of --out says."""
    out = Path(args.out)
    check_cameras(args, out)
    if out.suffix in PROGRAMS:
        export_program(args, out)
    elif args.cameras:
        print(write_camera_file(args.config, args.cameras, out, args.camera_pattern))
    else:
        export_model(args, out)
    print(f'wrote {out}, {out.stat().st_size / 1e6:.1f} MB')
    return out


def check_cameras(args: argparse.Namespace, out: Path) -> None:
    """Raises ValueError for options about cameras that do not fit what is written."""
    if args.camera is not None and out.suffix not in PROGRAMS:
        raise ValueError(
            f'--camera is of a program ({" or ".join(PROGRAMS)}), which has the statistics of one '
            f'camera; {out} has those of all of --cameras'
        )
    if args.camera_pattern is not None and not args.cameras:
        raise ValueError('--camera-pattern goes with --cameras FOLDER')
    if not args.cameras:
        return
    if not is_model(args.config) or args.checkpoint is not None or out.suffix in PROGRAMS:
        raise ValueError(
            f'--cameras makes a model file of another: `reidgen export model.safetensors --cameras '
            f'{args.cameras} --out my_cameras.safetensors`; programs are made of that'
        )


def export_model(args: argparse.Namespace, out: Path) -> None:
    """Packs a config and a checkpoint into one file."""
    if is_model(args.config) or args.checkpoint is None:
        raise ValueError(
            f'a model file {out} is made of a config and a checkpoint: `reidgen export CONFIG '
            f'CHECKPOINT --out {out}`; of a model file, --out FILE.onnx and FILE.pt2 are made'
        )
    packing = Packing(args.results, args.licence, args.data, args.dtype, args.translate, args.adabn)
    info = pack(args.config, args.checkpoint, out, packing, args.cfg_options)
    print(info)
    if info.dims and not info.calibration:
        print(
            'no threshold for `compare`: evaluate the checkpoint (`reidgen test`), then give its '
            'results.json by --results'
        )


def export_program(args: argparse.Namespace, out: Path) -> None:
    """Writes an ONNX or torch.export program of a model file and prints how near it comes."""
    if not is_model(args.config) or args.checkpoint is not None:
        raise ValueError(
            f'{out} is made of a model file: first `reidgen export CONFIG CHECKPOINT --out '
            f'model.safetensors`, then `reidgen export model.safetensors --out {out}`'
        )
    from reidgen.inference.programs import export_onnx, export_torch

    model = Model(args.config, device='cpu')
    images = list_images(Path(args.check), recursive=True) if args.check else ()
    export = export_onnx if out.suffix == '.onnx' else export_torch
    print(export(model, out, images, args.camera))
