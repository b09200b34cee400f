"""Variables, the pod's annotations, and the limits that come from them."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import click
import pytest

from microservice.annotations import limits_of, read_annotations
from microservice.errors import StartError
from microservice.main import main, read_log_level, take_annotations, variables_of
from microservice.settings import Settings, Tracing
from microservice.variables import check_variables, read_tracing
from tests.microservice.conftest import Serve
from tests.microservice.inside import make_inside
from tests.microservice.running import wait_until

READ = variables_of(main)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PREDICTIVE_UNIT_PARAMETER", "is it PREDICTIVE_UNIT_PARAMETERS?"),
        ("GUNICORN_WORKER", "is it GUNICORN_WORKERS?"),
        ("PREDICTIVE_UNIT_XYZZY_PLUGH", "take it away"),
        ("SELDON_LOG_LEVL", "is it SELDON_LOG_LEVEL?"),
        ("GRPC_WORKER", "is it GRPC_WORKERS?"),
        ("PAYLOAD_PASSTROUGH", "is it PAYLOAD_PASSTHROUGH?"),
        ("INCLUDE_METRICS_IN_CLIENT_RESPONSES", "is it INCLUDE_METRICS_IN_CLIENT_RESPONSE?"),
        ("PREDICTOR_LABEL", "is it PREDICTOR_LABELS?"),
    ],
)
def test_a_variable_that_is_nearly_ours_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(StartError) as refused:
        check_variables({name: "1"}, READ)
    assert str(refused.value) == f"{name} is no variable of the microservice; {hint}"


def test_variables_that_kubernetes_sets_for_a_service_of_that_name_are_let_through() -> None:
    given = {"GUNICORN_UI_SERVICE_HOST": "10.0.0.1", "GUNICORN_UI_SERVICE_PORT_HTTP": "80",
             "GUNICORN_UI_PORT": "tcp://10.0.0.1:80", "GUNICORN_UI_PORT_80_TCP_ADDR": "10.0.0.1"}  # fmt: skip
    check_variables(given, READ)
    with pytest.raises(StartError):
        check_variables({"GUNICORN_UI_PORT": "tcp://10.0.0.1:80"}, READ)


@pytest.mark.parametrize("name", ["GRPC_TRACE", "GRPC_VERBOSITY", "TRACE", "MODEL_METADATA_URL", "LOG_LEVEL"])
def test_names_of_others_that_are_like_ours_are_let_through(name: str) -> None:
    check_variables({name: "1"}, READ)


def test_variables_of_ours_and_of_others_are_let_through(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_variables({"PREDICTIVE_UNIT_ID": "u", "GUNICORN_WORKERS": "2", "HOME": "/", "FLASK_DEBUG": "0",
                         "FLASK_SINGLE_THREADED": "1"}, READ)  # fmt: skip
    assert caplog.messages == ["FLASK_DEBUG has no effect here"]


def test_the_variable_of_the_log_level_goes_before_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELDON_LOG_LEVEL", raising=False)
    assert read_log_level("error") == "ERROR"
    monkeypatch.setenv("SELDON_LOG_LEVEL", "debug")
    assert read_log_level("ERROR") == "DEBUG"
    monkeypatch.setenv("SELDON_LOG_LEVEL", "LOUD")
    with pytest.raises(click.BadParameter):
        read_log_level("ERROR")


def test_tracing_goes_where_jaeger_was_unless_told_otherwise() -> None:
    given = {"JAEGER_AGENT_HOST": "jaeger", "JAEGER_EXTRA_TAGS": "a=b", "OTEL_SERVICE_NAME": "s"}
    assert read_tracing(given, is_on=True) == Tracing(True, "http://jaeger:4318", "s", {"a": "b"})
    assert read_tracing(given | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, is_on=True).endpoint == ""


def test_annotations_are_read_as_kubernetes_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "annotations"
    file.write_text(
        'seldon.io/rest-timeout="2500"\nother="a=\\"b\\""\n\nseldon.io/grpc-max-message-size="1048576"\n'
    )
    found = read_annotations(file)
    assert found["other"] == 'a="b"'
    assert limits_of(found) == {"timeout_seconds": 2, "grpc_max_message_bytes": 1048576}
    assert read_annotations(tmp_path / "nothing") == {}
    for wrong in ("x", "0", "-1"):
        with pytest.raises(StartError, match=r"seldon\.io/rest-timeout is"):
            limits_of({"seldon.io/rest-timeout": wrong})


@pytest.mark.parametrize(("arguments", "seconds"), [([], 3), (["--timeout-seconds", "9"], 9.0)])
def test_an_option_goes_before_an_annotation(tmp_path: Path, arguments: list[str], seconds: float) -> None:
    (tmp_path / "annotations").write_text('seldon.io/rest-timeout="3000"\n')
    with main.make_context(
        "test", ["Model", "--annotations", str(tmp_path / "annotations"), *arguments]
    ) as context:
        assert isinstance(context, click.Context)
        assert take_annotations(context.params)["timeout_seconds"] == seconds


class Slow:
    """Answers when it is let go; its async hook never."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_go = threading.Event()

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        self.began.set()
        self.may_go.wait(30)
        return X

    async def transform_input(self, X: Any, names: Any) -> Any:  # noqa: N803
        await asyncio.Event().wait()


@pytest.mark.parametrize("path", ["/predict", "/transform-input"])
async def test_a_call_that_takes_too_long_is_answered_504(path: str) -> None:
    model = Slow()
    inside = make_inside(model, timeout_seconds=0.05)
    status, body = await inside.post(path, {"strData": "x"})
    model.may_go.set()
    assert (status, body["status"]["reason"]) == (504, "MICROSERVICE_TIMEOUT")


async def test_model_that_is_stuck_gets_no_new_callers_until_its_call_ends() -> None:
    model = Slow()
    inside = make_inside(model, patience_seconds=0.05)
    call = asyncio.create_task(inside.post("/predict", {"strData": "x"}))
    while (await inside.call("GET", "/ready"))[0] == 200:
        await asyncio.sleep(0.01)
    assert "no call of the model has ended for" in str(await inside.call("GET", "/ready"))
    model.may_go.set()
    await call
    assert (await inside.call("GET", "/ready"))[0] == 200


async def test_a_call_that_its_worker_does_not_outlive_is_told_so() -> None:
    model = Slow()
    inside = make_inside(model)
    call = asyncio.create_task(inside.post("/predict", {"strData": "x"}))
    while not model.began.is_set():
        await asyncio.sleep(0)
    call.cancel()
    status, body = await call
    model.may_go.set()
    assert (status, body["status"]["reason"]) == (503, "MICROSERVICE_ENDED")


def test_settings_survive_the_pipe_to_a_worker() -> None:
    settings = Settings("m", ".", {"a": 1}, "m", tracing=Tracing(True, tags={"a": "b"}, sampled_share=0.5))
    assert Settings.from_json(settings.to_json()) == settings


STUCK = """
    import os, time

    class Stuck:
        def predict(self, X, names):
            while X == "stuck":
                time.sleep(0.01)
            return str(os.getpid())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "seconds", "answered"), [("--timeout-seconds", "1", 504), ("--patience-seconds", "0.3", 503)]
)
def test_a_worker_whose_model_is_stuck_is_replaced(
    serve: Serve, option: str, seconds: str, answered: int
) -> None:
    served = serve("Stuck", STUCK, option, seconds)
    found: list[str] = []

    def is_answered() -> bool:
        status, body = served.post("/predict", {"strData": "x"})
        found.append(body.get("strData", "") if status == 200 else "")
        return status == 200

    # A starved worker may be taken for a stuck one, which is another's turn.
    wait_until(is_answered)
    first = found[-1]
    assert served.post("/predict", {"strData": "stuck"})[0] == answered
    wait_until(lambda: is_answered() and found[-1] != first)


async def test_the_paths_are_described_for_programs() -> None:
    status, found = await make_inside(Slow()).call("GET", "/seldon.json")
    assert (status, found["openapi"], found["info"]["title"]) == (200, "3.0.3", "model")
    body = found["paths"]["/api/v1.0/predictions"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"].removeprefix("#/components/schemas/") in found["components"]["schemas"]
    assert set(found["paths"]["/predict"]) == {"get", "post"}
    names = [op["operationId"] for path in found["paths"].values() for op in path.values()]
    assert len(names) == len(set(names))
