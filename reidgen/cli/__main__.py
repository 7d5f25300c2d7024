"""`python -m reidgen.cli train CONFIG`: the console script where its folder is not on the path."""

from .main import main

main()
