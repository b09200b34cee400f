"""seldon_core.storage: a model's folder from wherever it lies to this machine."""

from __future__ import annotations

from microservice.storage import fetch_model


class Storage:
    """Fetches folders; other places than this machine's need fsspec and its package for the place."""

    @staticmethod
    def download(uri: str, out_dir: str | None = None) -> str:
        """Return the local folder or file of a URI, copied to `out_dir` when one is given."""
        return str(fetch_model(uri, out_dir))
