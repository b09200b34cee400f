"""SeldonClient: asks deployments through a gateway and components directly, over HTTP and gRPC."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from microservice.client.carrying import Outcome, call_grpc, post_form, post_json
from microservice.client.making import Json, make_content, make_feedback, make_list, to_json, to_proto
from microservice.client.told import SeldonClientException, Told
from microservice.proto_codec import messages

PATHS = {"predict": "predictions", "feedback": "feedback"}
COMPONENTS = {
    "predict": ("/predict", "Model/Predict"),
    "transform-input": ("/transform-input", "Generic/TransformInput"),
    "transform-output": ("/transform-output", "Generic/TransformOutput"),
    "route": ("/route", "Generic/Route"),
    "aggregate": ("/aggregate", "Generic/Aggregate"),
    "feedback": ("/send-feedback", "Generic/SendFeedback"),
}


class SeldonClientPrediction:
    """What was asked and what came back; `msg` says why `success` is False."""

    def __init__(self, request: Any, response: Any, success: bool = True, msg: str = "") -> None:
        self.request = request
        self.response = response
        self.success = success
        self.msg = msg

    def __repr__(self) -> str:
        """Return all of it for a person."""
        return (
            f"Success:{self.success} message:{self.msg}\nRequest:\n{self.request}\nResponse:\n{self.response}"
        )


class SeldonClientFeedback(SeldonClientPrediction):
    """What was sent as feedback, and what came back."""


class SeldonClientCombine(SeldonClientPrediction):
    """What was to be aggregated, and what came back."""


class SeldonClient:
    """A client of deployments and components; what a call is told goes before what the client was told."""

    def __init__(self, gateway: str | None = None, transport: str | None = None, **told: Any) -> None:
        """Take the parameters of all calls: those of `told.Told`."""
        self.told = Told().update({"gateway": gateway, "transport": transport, **told})

    def predict(
        self, gateway: str | None = None, transport: str | None = None, **told: Any
    ) -> SeldonClientPrediction:
        """Return the answer of a deployment, asked through its gateway."""
        now = self._now(gateway, transport, told)
        content = make_content(now)
        outcome = ask_gateway(now, "predict", content)
        return SeldonClientPrediction(shown(now, content, "SeldonMessage"), *answered(now, outcome))

    def feedback(
        self,
        prediction_request: Any = None,
        prediction_response: Any = None,
        prediction_truth: Any = None,
        reward: float = 0,
        **told: Any,
    ) -> SeldonClientFeedback:
        """Return the answer of a deployment to a reward."""
        raw = told.pop("raw_request", None)
        now = self._now(None, None, {**told, "raw_data": raw})
        content = make_feedback(now, prediction_request, prediction_response, prediction_truth, reward)
        outcome = ask_gateway(now, "feedback", content)
        return SeldonClientFeedback(shown(now, content, "Feedback"), *answered(now, outcome))

    def explain(
        self, gateway: str | None = None, transport: str | None = None, **told: Any
    ) -> SeldonClientPrediction:
        """Return a deployment's explanation, which explainers give over HTTP alone."""
        now = self._now(gateway, transport, told)
        if now.transport != "rest":
            raise SeldonClientException("explain is asked over rest only")
        if not now.predictor:
            raise SeldonClientException("predictor is needed to ask an explainer")
        content = make_content(now)
        prefix = prefix_of(now, f"{now.deployment()}-explainer/{now.predictor}")
        outcome = post_json(
            now, now.gateway_endpoint, f"{prefix}{now.http_path or '/api/v1.0/explain'}", content
        )
        return SeldonClientPrediction(content, outcome.response, outcome.success, outcome.msg)

    def microservice(
        self, gateway: str | None = None, transport: str | None = None, **told: Any
    ) -> SeldonClientPrediction:
        """Return the answer of one component to one of its methods, as protobuf messages."""
        now = self._now(gateway, transport, told)
        if now.method == "aggregate":
            content = make_list(now)
            found = ask_component(now, now.method, content, "SeldonMessageList")
            return SeldonClientCombine(to_proto(content, "SeldonMessageList"), *found)
        content = make_content(now)
        found = ask_component(now, now.method, content, "SeldonMessage")
        return SeldonClientPrediction(to_proto(content), *found)

    def microservice_feedback(
        self, prediction_request: Any = None, prediction_response: Any = None, reward: float = 0, **told: Any
    ) -> SeldonClientFeedback:
        """Return the answer of one component to a reward, as protobuf messages."""
        now = self._now(None, None, told)
        content = make_feedback(now, prediction_request, prediction_response, None, reward)
        found = ask_component(now, "feedback", content, "Feedback")
        return SeldonClientFeedback(to_proto(content, "Feedback"), *found)

    def _now(self, gateway: str | None, transport: str | None, told: dict[str, Any]) -> Told:
        return self.told.update({"gateway": gateway, "transport": transport, **told})


def ask_gateway(told: Told, verb: str, content: Json) -> Outcome:
    """Return what a gateway answers; the deployment stands in the path, or in gRPC's metadata."""
    if told.transport == "rest":
        path = prefix_of(told) + (told.http_path or f"/api/v1.0/{PATHS[verb]}")
        return post_json(told, told.gateway_endpoint, path, content)
    kind, method = ("SeldonMessage", "Predict") if verb == "predict" else ("Feedback", "SendFeedback")
    metadata = {"x-auth-token": told.token} if told.token else {}
    if told.gateway != "seldon":
        metadata["seldon"] = told.deployment()
        if told.namespace:
            metadata["namespace"] = told.namespace
    asked = to_proto(content, kind), messages.SeldonMessage
    place = f"/seldon.protos.Seldon/{method}"
    return call_grpc(told, told.gateway_endpoint, place, asked, {**metadata, **(told.headers or {})})


def prefix_of(told: Told, deployment: str = "") -> str:
    """Return what stands before the API's own path at a gateway."""
    if told.gateway_prefix is not None:
        return told.gateway_prefix
    if told.gateway == "seldon":
        return ""
    namespace = f"/{told.namespace}" if told.namespace else ""
    return f"/seldon{namespace}/{deployment or told.deployment()}"


def ask_component(told: Told, verb: str, content: Json, kind: str) -> tuple[Any, bool, str]:
    """Return what a component answers: a protobuf message if any, whether it is good, and why not."""
    path, method = COMPONENTS[verb]
    if told.transport == "rest":
        outcome = post_form(told, told.microservice_endpoint, path, content)
        is_message = isinstance(outcome.response, dict)
        # Its refusals have fields of their own, and a status that is a number.
        response = to_proto(outcome.response) if outcome.success and is_message else outcome.response
        return response, outcome.success, outcome.msg
    asked = to_proto(content, kind), messages.SeldonMessage
    headers = told.headers or {}
    outcome = call_grpc(told, told.microservice_endpoint, f"/seldon.protos.{method}", asked, headers)
    return outcome.response, outcome.success, outcome.msg


def shown(told: Told, content: Json, kind: str) -> Any:
    """Return what was asked in the form that the client returns."""
    return to_proto(content, kind) if told.client_return_type == "proto" else content


def answered(told: Told, outcome: Outcome) -> tuple[Any, bool, str]:
    """Return what came back in the form that the client returns."""
    response = outcome.response
    if told.client_return_type == "dict" and isinstance(response, Message):
        response = to_json(response)
    elif told.client_return_type == "proto" and isinstance(response, dict) and outcome.success:
        try:
            response = to_proto(response)
        except SeldonClientException as error:
            return response, False, error.message
    return response, outcome.success, outcome.msg
