"""The command line: ``cambrian search | resume | show | export | report | doctor``."""

from cambrian.cli.app import app, main

__all__ = ["app", "main"]
