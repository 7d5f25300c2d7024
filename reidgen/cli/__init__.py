"""Command line: `reidgen train CONFIG`, or as a script `python tools/train.py CONFIG`."""

from .main import COMMANDS, main, parse, run_tool

__all__ = ['COMMANDS', 'main', 'parse', 'run_tool']
