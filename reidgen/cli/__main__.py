"""Console script as a module: `python -m reidgen.cli train CONFIG`."""

from .main import main

main()
