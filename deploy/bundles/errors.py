"""What keeps a source from becoming a bundle, and a bundle from being found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnprocessableError,
)


class ImageNameError(InvalidInputError):
    """The name cannot be an image's."""

    code = "image_name_invalid"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is no image name: write name:tag, for example company/classifier:0.1")


class SourceMissingError(NotFoundError):
    """There is no such folder, or the repository cannot be cloned."""

    code = "source_missing"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}", source=source)


class SourceUnusableError(UnprocessableError):
    """The source says too little, or asks for what cannot be done here; every mistake is named."""

    code = "source_unusable"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the source cannot be built:\n" + "\n".join(f"  {one}" for one in problems))
        self.problems = tuple(problems)


class InstallationError(UnprocessableError):
    """The packages that the source asks for cannot be installed."""

    code = "installation_failed"

    def __init__(self, words: Sequence[str]) -> None:
        said = "\n".join(f"  {line}" for line in words) or "  nothing was said"
        super().__init__(f"the packages could not be installed; nothing was changed:\n{said}")


class BuildUnderWayError(UnavailableError):
    """Another build makes the same environment."""

    code = "build_under_way"

    def __init__(self) -> None:
        super().__init__("another build of the same requirements is under way: wait for it, then try again")


class BundleMissingError(NotFoundError):
    """No bundle has this image name."""

    code = "bundle_missing"

    def __init__(self, image: str) -> None:
        super().__init__(
            f"there is no bundle for the image {image}: make one with "
            f"`seldon-cli build <source folder> {image}`",
            image=image,
        )


class BundleUsedError(ConflictError):
    """Deployments name the image."""

    code = "bundle_used"

    def __init__(self, image: str, users: Sequence[str]) -> None:
        super().__init__(f"{image} is used by {', '.join(users)}: delete them first", users=list(users))


class ContextExistsError(ConflictError):
    """A build context is written into an empty folder only."""

    code = "context_exists"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty: name a new folder", folder=str(folder))
