"""The room that joins the others: one search from a space to a stored run."""

from cambrian.loop.candidate import Candidate
from cambrian.loop.resume import load, resume
from cambrian.loop.run import Run
from cambrian.loop.search import search

__all__ = ["Candidate", "Run", "load", "resume", "search"]
