"""The base class and the answer with tags and metrics that classes written for Seldon Core import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from microservice.errors import SeldonNotImplementedError

Json = dict[str, Any]


class SeldonResponse:
    """What a hook returns when tags and metrics belong to this call alone."""

    def __init__(self, data: Any, tags: Json | None = None, metrics: list[Json] | None = None) -> None:
        self.data = data
        self.tags = tags if tags is not None else {}
        self.metrics = metrics if metrics is not None else []

    @classmethod
    def create(cls, data: Any) -> SeldonResponse:
        """Return the data as a SeldonResponse, which it may be already."""
        return data if isinstance(data, cls) else cls(data)


class SeldonComponent:
    """A class of which every hook says that it is not implemented; a subclass writes those it has."""

    def __init__(self, **kwargs: Any) -> None:
        """Take whatever parameters there are."""

    def load(self) -> None:
        """Load the model."""

    def tags(self) -> Json:
        """Return the tags for the answer to the latest call."""
        raise SeldonNotImplementedError("tags is not implemented")

    def metrics(self) -> list[Json]:
        """Return the metrics of the latest call."""
        raise SeldonNotImplementedError("metrics is not implemented")

    def class_names(self) -> Iterable[str]:
        """Return the names of the answer's columns."""
        raise SeldonNotImplementedError("class_names is not implemented")

    def feature_names(self) -> Iterable[str]:
        """Return the names of the request's columns."""
        raise SeldonNotImplementedError("feature_names is not implemented")

    def init_metadata(self) -> Json:
        """Return what the model is."""
        raise SeldonNotImplementedError("init_metadata is not implemented")

    def predict(self, X: Any, names: Iterable[str], meta: Json | None = None) -> Any:  # noqa: N803 - its name there
        """Return what the model says."""
        raise SeldonNotImplementedError("predict is not implemented")

    def predict_raw(self, msg: Any) -> Any:
        """Return the message that answers a message."""
        raise SeldonNotImplementedError("predict_raw is not implemented")

    def transform_input(self, X: Any, names: Iterable[str], meta: Json | None = None) -> Any:  # noqa: N803 - its name there
        """Return the transformed input."""
        raise SeldonNotImplementedError("transform_input is not implemented")

    def transform_input_raw(self, msg: Any) -> Any:
        """Return the message that answers a message."""
        raise SeldonNotImplementedError("transform_input_raw is not implemented")

    def transform_output(self, X: Any, names: Iterable[str], meta: Json | None = None) -> Any:  # noqa: N803 - its name there
        """Return the transformed output."""
        raise SeldonNotImplementedError("transform_output is not implemented")

    def transform_output_raw(self, msg: Any) -> Any:
        """Return the message that answers a message."""
        raise SeldonNotImplementedError("transform_output_raw is not implemented")

    def route(self, features: Any, feature_names: Iterable[str], meta: Json | None = None) -> Any:
        """Return the number of the child to go to."""
        raise SeldonNotImplementedError("route is not implemented")

    def route_raw(self, msg: Any) -> Any:
        """Return the message that answers a message."""
        raise SeldonNotImplementedError("route_raw is not implemented")

    def aggregate(self, features_list: list[Any], feature_names_list: list[Any]) -> Any:
        """Return one answer for several."""
        raise SeldonNotImplementedError("aggregate is not implemented")

    def aggregate_raw(self, msgs: Any) -> Any:
        """Return the message that answers several."""
        raise SeldonNotImplementedError("aggregate_raw is not implemented")

    def send_feedback(
        self, features: Any, feature_names: Iterable[str], reward: float, truth: Any, routing: Any = None
    ) -> Any:
        """Learn from a reward."""
        raise SeldonNotImplementedError("send_feedback is not implemented")

    def send_feedback_raw(self, feedback: Any) -> Any:
        """Learn from a Feedback message."""
        raise SeldonNotImplementedError("send_feedback_raw is not implemented")

    def health_status(self) -> Any:
        """Return how the model is."""
        raise SeldonNotImplementedError("health_status is not implemented")

    def health_status_raw(self) -> Any:
        """Return how the model is, as a message."""
        raise SeldonNotImplementedError("health_status_raw is not implemented")
