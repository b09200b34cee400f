"""HDFS through WebHDFS, which needs no Java here: written aside, renamed over, looked at again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlparse

from pipelines.errors import PackageMissingError, StoreUrlError
from pipelines.places import Place
from pipelines.storage.base import Content, File
from pipelines.storage.remote import RemoteStore

# Where a NameNode speaks HTTP when the URL is the one of its own protocol.
_HTTP_PORT: Final = 9870
_DEFAULT_USER: Final = "hdfs"


def open_hdfs(place: Place) -> RemoteStore:
    """The store at `hdfs://host/path` or `webhdfs://user@host:port/path`.

    A port in hdfs:// is that of Hadoop's own protocol, so WebHDFS is asked at its usual one; `endpoint`
    (http://host:port) says where else it is.
    """
    try:
        import requests  # noqa: PLC0415  (an extra)
        from fsspec.implementations.webhdfs import WebHDFS  # noqa: PLC0415
    except ImportError as error:
        raise PackageMissingError("fsspec", "hdfs", "a store in HDFS") from error
    parts = urlparse(place.url)
    if not parts.hostname:
        raise StoreUrlError(place.url, "it names no host")
    host, port = parts.hostname, _HTTP_PORT
    if parts.scheme == "webhdfs":
        port = parts.port or _HTTP_PORT
    if place.endpoint:
        at = urlparse(place.endpoint)
        host, port = at.hostname or host, at.port or port
    files = WebHDFS(
        host,
        port,
        user=parts.username or _DEFAULT_USER,
        use_https=place.endpoint.startswith("https:"),
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    store = HdfsStore(files, parts.path.rstrip("/") or "")
    # Its answers to faults of the server come as ValueError and RuntimeError.
    store.passing = (OSError, requests.RequestException, RuntimeError, ValueError)
    return store


class HdfsStore(RemoteStore):
    """Below a folder of HDFS."""

    def _put(self, path: str, content: Content) -> None:
        folder, _, name = path.rpartition("/")
        aside = f"{folder}/.{name[:200]}.{secrets.token_hex(6)}.tmp"
        data = b"".join(content)
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.pipe_file(aside, data)
        # A plain rename onto a name that exists does nothing and says nothing.
        self._fs._call("RENAME", method="put", path=aside, destination=path, renameoptions="OVERWRITE")
        if self._fs.exists(aside) or self._fs.info(path)["size"] != len(data):
            raise OSError(f"{aside} did not become {path}")

    def _root_is_there(self) -> bool:
        return bool(self._fs.exists(self._root or "/"))

    def _file(self, path: str, info: Mapping[str, Any]) -> File:
        modified = int(info["modificationTime"])
        return File(path, info["size"], f"{info.get('fileId', '')}-{modified}", modified / 1000)
