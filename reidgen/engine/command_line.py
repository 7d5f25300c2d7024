"""Alias of `reidgen.command_line` for tools that import torch."""

from reidgen.command_line import KeyValueAction, add_common_options, count, run

__all__ = ['KeyValueAction', 'add_common_options', 'count', 'run']
