"""Objects of S3 and of what speaks its language. An object appears whole: no name is ever half written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlparse

from pipelines.errors import PackageMissingError, StoreUrlError
from pipelines.places import Place
from pipelines.storage.base import Content, File
from pipelines.storage.remote import RemoteStore

# Up to here one request; beyond it several parts, which become an object when the last is there.
_ONE_REQUEST_BYTES: Final = 32 * 1024 * 1024
_TIMEOUTS: Final = {"connect_timeout": 10, "read_timeout": 60}
# Stores older than Amazon's newest checksums refuse or, worse, keep them as content.
_OLD_CHECKSUMS: Final = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


def open_s3(place: Place) -> RemoteStore:
    """The store at `s3://bucket/path`."""
    try:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  (an extra)
        from s3fs import S3FileSystem  # noqa: PLC0415
    except ImportError as error:
        raise PackageMissingError("s3fs", "s3", "a store in S3") from error
    parts = urlparse(place.url)
    if not parts.netloc:
        raise StoreUrlError(place.url, "it names no bucket")
    files = S3FileSystem(
        key=place.key or None,
        secret=place.secret or None,
        endpoint_url=place.endpoint or None,
        use_listings_cache=False,
        skip_instance_cache=True,
        config_kwargs=_TIMEOUTS | (_OLD_CHECKSUMS if place.endpoint else {}),
    )
    store = S3Store(files, f"{parts.netloc}{parts.path}")
    store.passing = (OSError, BotoCoreError)
    return store


class S3Store(RemoteStore):
    """Below `bucket/path`."""

    def _put(self, path: str, content: Content) -> None:
        pieces = list(content)
        if sum(map(len, pieces)) <= _ONE_REQUEST_BYTES:
            self._fs.pipe_file(path, b"".join(pieces))
            return
        with self._fs.open(path, "wb", block_size=_ONE_REQUEST_BYTES, autocommit=True) as opened:
            for piece in pieces:
                opened.write(piece)

    def _root_is_there(self) -> bool:
        try:
            self._fs.call_s3("head_bucket", Bucket=self._root.partition("/")[0])
        except FileNotFoundError:
            return False
        except PermissionError:
            # It could be listed; more a key for some folders need not be allowed.
            return True
        return True

    def _file(self, path: str, info: Mapping[str, Any]) -> File:
        return File(path, info["size"], str(info["ETag"]).strip('"'), info["LastModified"].timestamp())
