"""Classes that answer their own exceptions by a Flask blueprint, as those for Seldon Core may."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from microservice.error_handlers import find_error_handler
from microservice.errors import StartError
from microservice.protocol.errors import MicroserviceError
from tests.microservice.inside import make_inside


class PaymentError(Exception):
    """An exception of the class's own."""


class Handled:
    """Refuses, fails, and has handlers for some of it."""

    model_error_handler = flask.Blueprint("error_handlers", __name__)

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        raise {"pay": PaymentError("1402"), "handler": KeyError("k"), "other": ValueError("boom"),
               "ours": MicroserviceError("no", 422)}[X]  # fmt: skip


@Handled.model_error_handler.app_errorhandler(PaymentError)
def answer_payment(error: PaymentError) -> Any:
    body = {"status": {"app_code": int(str(error)), "message": "Test-Error-Msg", "status": 402}}
    return flask.jsonify(body), 402


@Handled.model_error_handler.app_errorhandler(KeyError)
def fail_itself(error: KeyError) -> Any:
    raise RuntimeError("the handler is broken")


async def test_the_handler_answers_the_exception_it_is_for() -> None:
    inside = make_inside(Handled())
    shown = {"status": {"app_code": 1402, "message": "Test-Error-Msg", "status": 402}}
    assert await inside.post("/predict", {"strData": "pay"}) == (402, shown)
    assert inside.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("what", "status", "said"), [("other", 500, "boom"), ("handler", 500, "'k'"), ("ours", 422, "no")]
)
async def test_what_no_handler_answers_is_answered_as_ever(what: str, status: int, said: str) -> None:
    found, body = await make_inside(Handled()).post("/predict", {"strData": what})
    assert (found, body["status"]["info"]) == (status, said)


def test_what_is_no_blueprint_is_refused_at_the_start() -> None:
    class Wrong:
        model_error_handler = 3

    with pytest.raises(StartError, match="must be a Flask Blueprint"):
        find_error_handler(Wrong())
    assert find_error_handler(object()) is None
