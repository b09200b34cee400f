"""What can go wrong with configuration documents.

SeldonError
├── InvalidInputError 400
│   ├── ConfigPathError 400
│   └── ConfigInvalidError 400
├── NotFoundError 404
│   ├── ConfigMissingError 404
│   └── ConfigVersionMissingError 404
├── ConflictError 409
│   └── ConfigConflictError 409
├── TooLargeError 413
│   └── ConfigTooLargeError 413
└── UnavailableError 503
    └── ConfigUnavailableError 503
"""

from __future__ import annotations

from common.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError, UnavailableError


class ConfigPathError(InvalidInputError):
    """The path is not one that a configuration document can have."""

    code = "config_path_invalid"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path!r} is not a path of a configuration document: {reason}", path=path, reason=reason
        )


class ConfigInvalidError(InvalidInputError):
    """The document cannot be used; `data["place"]` is a JSON pointer (RFC 6901) to the part at fault."""

    code = "config_invalid"

    def __init__(self, path: str, place: str, reason: str) -> None:
        where = f" at {place}" if place else ""
        super().__init__(f"{path}{where}: {reason}", path=path, place=place, reason=reason)


class ConfigMissingError(NotFoundError):
    """There is no document at this path."""

    code = "config_missing"

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no configuration document at {path}", path=path)


class ConfigVersionMissingError(NotFoundError):
    """The document exists, or existed, but never had this version."""

    code = "config_version_missing"

    def __init__(self, path: str, version: int) -> None:
        super().__init__(f"{path} never had a version {version}", path=path, version=version)


class ConfigConflictError(ConflictError):
    """Somebody else wrote the document meanwhile; `data["version"]` is its version now, 0 for none."""

    code = "config_conflict"

    def __init__(self, path: str, expected_version: int, version: int) -> None:
        super().__init__(
            f"{path} is at version {version}, not {expected_version}; read it again and repeat the change",
            path=path,
            expected_version=expected_version,
            version=version,
        )


class ConfigTooLargeError(TooLargeError):
    """The document is larger than every backend can keep."""

    code = "config_too_large"

    def __init__(self, path: str, size_bytes: int, max_bytes: int) -> None:
        super().__init__(
            f"{path} has {size_bytes} bytes; a configuration document has at most {max_bytes}",
            path=path,
            size_bytes=size_bytes,
            max_bytes=max_bytes,
        )


class ConfigUnavailableError(UnavailableError):
    """The store cannot be reached; what was read before stays in use, nothing was written."""

    code = "config_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the configuration store cannot be reached: {reason}; try again later", reason=reason
        )
