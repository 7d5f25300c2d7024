"""Command line interface: `reidgen train CONFIG`, or `python tools/train.py CONFIG`."""

from .main import COMMANDS, main, parse, run_tool

__all__ = ['COMMANDS', 'main', 'parse', 'run_tool']
