"""`reidgen.command_line` under the name that tools with torch imported know it by."""

from reidgen.command_line import KeyValueAction, add_common_options, count, run

__all__ = ['KeyValueAction', 'add_common_options', 'count', 'run']
