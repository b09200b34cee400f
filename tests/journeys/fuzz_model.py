"""A model that has an answer for whatever is sent, so that the gateway's own manners are what is tested."""

from __future__ import annotations

from typing import Any


class FuzzModel:
    """Answers the same prediction to everything and takes any feedback."""

    def predict_raw(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"names": ["yes"], "ndarray": [[1.0]]}}

    def send_feedback_raw(self, feedback: dict[str, Any]) -> dict[str, Any]:
        return {}
