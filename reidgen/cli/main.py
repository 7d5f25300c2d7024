"""Dispatch of the subcommands: torch is imported once arguments and config files are checked.

A misspelt option or config name is reported at once, not after seconds of imports.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from reidgen.command_line import find_config, run
from reidgen.shipped import import_from_root

from . import adapt_arguments, data_arguments, inference_arguments, model_arguments


class Command(NamedTuple):
    """A subcommand.

    Attributes:
        summary: one line for `reidgen --help`.
        add_options: gives a parser its options and its description.
        module: of this package, with `run(args)`.
        folder: of the results and of `error.txt`; None: there are none.
        threads: of each process, where the environment says nothing; None: one a CPU core.
    """

    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    module: str
    folder: Callable[[argparse.Namespace], str | Path | None] = lambda args: None
    threads: int | None = None


COMMANDS = {
    'train': Command(
        'train a config', model_arguments.add_train, 'train', lambda args: args.work_dir
    ),
    'test': Command(
        'evaluate a checkpoint', model_arguments.add_test, 'test', lambda args: args.work_dir
    ),
    'adapt': Command(
        'adapt a model to your own cameras',
        adapt_arguments.add_adapt,
        'adapt',
        lambda args: args.out,
    ),
    'report': Command(
        'show runs on one HTML page',
        inference_arguments.add_report,
        'report',
        lambda args: Path(args.out).parent,
    ),
    'extract': Command(
        'write features of images', model_arguments.add_extract, 'extract', lambda args: args.out
    ),
    'search': Command(
        'search written features', model_arguments.add_search, 'search', lambda args: args.out
    ),
    'compare': Command(
        'say whether two pictures show one person', inference_arguments.add_compare, 'compare'
    ),
    'export': Command(
        'write a model file, ONNX or torch.export',
        inference_arguments.add_export,
        'export',
        lambda args: Path(args.out).parent,
    ),
    'demo': Command(
        'search, translate and swap in a browser', inference_arguments.add_demo, 'demo'
    ),
    'models': Command('list trained models', inference_arguments.add_models, 'models'),
    'configs': Command('list or copy configs', inference_arguments.add_configs, 'configs'),
    'doctor': Command('check the installation', inference_arguments.add_doctor, 'doctor'),
    'convert-weights': Command(
        "read other code bases' checkpoints",
        model_arguments.add_convert_weights,
        'convert_weights',
        lambda args: Path(args.out).parent,
    ),
    'translate': Command(
        "copy a data set in another domain's style",
        data_arguments.add_translate,
        'translate',
        lambda args: args.out,
    ),
    'generate': Command(
        'write images of a trained GAN',
        data_arguments.add_generate,
        'generate',
        lambda args: args.out,
    ),
    'evaluate-images': Command(
        'compare translated images with real ones',
        data_arguments.add_evaluate_images,
        'evaluate_images',
        lambda args: Path(args.out).parent,
    ),
    'render': Command(
        'render the built-in synthetic people and faces',
        data_arguments.add_render,
        'render',
        lambda args: args.out,
        threads=1,  # it makes processes of its own
    ),
    'browse': Command(
        'draw contact sheets of a data set',
        data_arguments.add_browse,
        'browse',
        lambda args: args.out,
    ),
    'maps': Command(
        'make body meshes from key points', data_arguments.add_maps, 'maps', lambda args: args.out
    ),
    'prepare': Command(
        'unpack an archive of a data set',
        data_arguments.add_prepare,
        'prepare',
        lambda args: Path(args.out).parent,
    ),
    'verify': Command(
        'say what is wrong with a data set',
        data_arguments.add_verify,
        'verify',
        lambda args: 'work_dirs/verify',
    ),
}
TAKE_MODELS = ('extract', 'export', 'translate')  # in the place of a config
WORK_DIRS = {'train': 'work_dirs/{config}', 'test': 'work_dirs/{config}/test'}


def main(args: Sequence[str] | None = None) -> None:
    """Runs the console script: a subcommand and its arguments.

    The working directory, and after it what comes with reidgen, become the last places to import
    from: `custom_imports` of a config name modules of the project that it is run in, or such as
    `projects.cyclegan`.

    Args:
        args: without the program's name; None: those of the process.

    Raises:
        SystemExit: wrong arguments, or an error of the command, reported in one line.
    """
    parser = argparse.ArgumentParser(
        prog='reidgen', description='Person re-identification with GANs across domains.'
    )
    subparsers = parser.add_subparsers(
        dest='command', required=True, metavar='COMMAND', help='`reidgen COMMAND --help` tells more'
    )
    for name, command in COMMANDS.items():
        command.add_options(_described(subparsers.add_parser(name, help=command.summary)))
    parsed = parser.parse_args(args)
    sys.path.append(str(Path.cwd()))
    import_from_root()
    _run(parsed.command, _with_work_dir(parsed.command, parsed))


def run_tool(name: str, args: Sequence[str] | None = None) -> None:
    """Runs one subcommand as a script that has set `sys.path` itself."""
    _run(name, parse(name, args))


def parse(name: str, args: Sequence[str] | None = None) -> argparse.Namespace:
    """Parsed arguments of one subcommand, with its default work dir."""
    parser = _described(argparse.ArgumentParser())
    COMMANDS[name].add_options(parser)
    return _with_work_dir(name, parser.parse_args(args))


def _described(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _with_work_dir(name: str, args: argparse.Namespace) -> argparse.Namespace:
    if name in WORK_DIRS:
        args.work_dir = args.work_dir or WORK_DIRS[name].format(config=Path(args.config).stem)
    if name == 'report':
        args.out = args.out or str(Path(args.runs[0], 'report.html'))
    return args


def _run(name: str, args: argparse.Namespace) -> None:
    command = COMMANDS[name]
    threads = str(command.threads or os.cpu_count() or 1)
    os.environ.setdefault('OMP_NUM_THREADS', threads)  # read when torch and numpy are imported
    os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])

    def work() -> None:
        for path in config_files(args, name in TAKE_MODELS):
            find_config(path)
        import_module(f'reidgen.cli.{command.module}').run(args)

    run(work, command.folder(args))


def config_files(args: argparse.Namespace, or_model: bool = False) -> list[str]:
    """Config files among the arguments.

    Args:
        or_model: in the place of a config a model file may stand.
    """
    target = getattr(args, 'target', None) or ''  # of `browse`: a config or a data set's name
    given = getattr(args, 'config', None)
    given = None if or_model and is_model(given) else given
    return [path for path in (given, target if target.endswith('.py') else None) if path]


def is_model(given: str | None) -> bool:
    """Whether an argument for a config is a model file, or the name of a model of reidgen's."""
    return given is not None and Path(given).suffix in ('', '.safetensors')
