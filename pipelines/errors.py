"""What can go wrong with files and where they lie.

PipelineError
├── StoreUrlError         the URL of a store cannot be used
├── StoreFailedError      the store did not do what was asked, also when asked again
├── PackageMissingError   a package of an extra is not installed
├── DayFormError          this names no day
├── ClientNameError       this is no client's name
├── FileUnreadableError   a file of a client cannot be read
└── FileFaultError        a file cannot be read to its end; what came before is good
    ├── FileCutError      it ends in the middle: perhaps it is still being written
    └── FileDamagedError  its bytes are not what was written
"""

from __future__ import annotations

from typing import Any


class PipelineError(Exception):
    """Anything this package refuses or fails to do, in words the caller can act on."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By what it holds, not by what made it: it comes back from the processes of an engine.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[PipelineError], args: tuple[Any, ...], state: dict[str, Any]) -> PipelineError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class StoreUrlError(PipelineError):
    """The URL of a store cannot be used."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"{url!r} is no store: {reason}. Stores are a folder, s3://bucket/path, hdfs://host/path "
            "and webhdfs://host:9870/path"
        )


class StoreFailedError(PipelineError):
    """The store did not do what was asked, also when asked again."""

    def __init__(self, doing: str, reason: str) -> None:
        super().__init__(f"the store failed while {doing}: {reason}")


class PackageMissingError(PipelineError):
    """A package of an extra is not installed."""

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed: pip install 'seldon-api[{extra}]'"
        )


class DayFormError(PipelineError):
    """This names no day."""

    def __init__(self, given: object) -> None:
        super().__init__(
            f"{given!r} is no day; write YYYYMMDD, YYYY-MM-DD, a date or a Unix epoch day such as 20778"
        )


class ClientNameError(PipelineError):
    """This is no client's name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is no client's name")


class FileUnreadableError(PipelineError):
    """A file of a client cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}")
        self.reason = reason


class FileFaultError(PipelineError):
    """A file cannot be read to its end; what came before is good."""


class FileCutError(FileFaultError):
    """It ends in the middle: perhaps it is still being written."""

    def __init__(self) -> None:
        super().__init__("it ends in the middle")


class FileDamagedError(FileFaultError):
    """Its bytes are not what was written."""
