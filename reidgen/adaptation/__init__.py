"""Adaptation to cameras of one's own: pictures, config and measures of the command adapt."""
