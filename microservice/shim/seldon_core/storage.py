"""seldon_core.storage: a model's folder from wherever it lies to this machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from microservice.protocol.errors import MicroserviceError


class Storage:
    """Fetches folders; other places than this machine's need fsspec and its package for the place."""

    @staticmethod
    def download(uri: str, out_dir: str | None = None) -> str:
        """Return the local folder or file of a URI, copied to `out_dir` when one is given."""
        scheme = urlsplit(uri).scheme
        if scheme in ("", "file"):
            return copy_local(Path(uri.removeprefix("file://")), out_dir)
        try:
            import fsspec  # noqa: PLC0415 - only for those who fetch from elsewhere
        except ModuleNotFoundError as error:
            raise MicroserviceError(f"{uri} needs fsspec: pip install fsspec", status_code=500) from error
        target = out_dir or tempfile.mkdtemp()
        system, path = fsspec.core.url_to_fs(uri)
        system.get(path.rstrip("/") + "/", target, recursive=True)
        return target


def copy_local(source: Path, out_dir: str | None) -> str:
    """Return a path of this machine as it is, or the folder that it was copied to."""
    if not source.exists():
        raise MicroserviceError(f"Local path {source} does not exist.", status_code=500)
    if out_dir is None:
        return str(source)
    if source.is_dir():
        shutil.copytree(source, out_dir, dirs_exist_ok=True)
    else:
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, out_dir)
    return out_dir
