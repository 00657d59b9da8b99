"""The command line: one module a verb, each a thin layer over the Python interface."""

from cryoglean.cli.app import main

__all__ = ["main"]
