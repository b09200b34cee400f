"""seldon_core.version: the version of Seldon Core whose names these are."""

__version__ = "1.17.1"
