"""Why a manifest cannot be rendered as it was asked for."""

from __future__ import annotations

from common.errors import UnprocessableError


class NotRenderableError(UnprocessableError):
    """What was asked for cannot do what the manifest says."""

    code = "not_renderable"

    def __init__(self, deployment: str, reason: str) -> None:
        super().__init__(f"{deployment} cannot be rendered so: {reason}", deployment=deployment)
