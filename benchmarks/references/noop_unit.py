"""Units that do nothing, for the gateway's own process."""

from __future__ import annotations

from typing import Any


class NoopUnit:
    """Answers what it is given."""

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803 (Seldon Core's name)
        """The input."""
        return X


class NoopAsyncUnit:
    """The same by a method that runs on the event loop."""

    async def predict(self, X: Any, names: Any) -> Any:  # noqa: N803 (Seldon Core's name)
        """The input."""
        return X
