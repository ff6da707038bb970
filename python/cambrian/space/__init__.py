"""Spaces: genes, groups, templates and families, compiled to the layout that the core works from."""

from cambrian.space.space import Space as Space
