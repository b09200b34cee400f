"""The import names of Seldon Core's Python package, for classes written for it; last on the path.

Where the real package is installed it is found first, and nothing here is used.
"""

__version__ = "1.17.1"
