"""The command line and the running process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from microservice.component import load_component
from microservice.errors import StartError
from microservice.parameters import read_parameters
from microservice.settings import Settings
from tests.microservice.conftest import Serve
from tests.microservice.models import TEXT_MODEL
from tests.microservice.running import Served, end, read_line, run, start, write_class


def fail_to_start(folder: Path, *arguments: str) -> str:
    done = run(folder, *arguments, "--port", "0")
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


@pytest.mark.slow
def test_the_metrics_port_serves_metrics_alone(tmp_path: Path) -> None:
    write_class(tmp_path, "TextModel", TEXT_MODEL)
    process = start(tmp_path, "TextModel", "--uds", "m.sock", "--metrics-port", "0")
    try:
        line = read_line(process)
        metrics = Served(process, int(line.rpartition(":")[2].removesuffix("/metrics\n")))
        assert "unix:m.sock" in line
        assert metrics.call("GET", "/health/ping")[0] == 404
        assert b"seldon_microservice_request_seconds" in metrics.call("GET", "/metrics")[1]
    finally:
        end(process)
    assert process.returncode == 0
    assert not (tmp_path / "m.sock").exists()


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("class Other:\n    pass", (), "There is no class MyModel in"),
        ("class MyModel:\n    pass", (), "has no method predict; write one: predict(self, X, features_names"),
        (
            "class MyModel:\n    def predict(self, X): pass",
            (),
            "write it as predict(self, X, features_names, meta=None)",
        ),
        (
            "class MyModel:\n    async def predict(self, X, n): pass\n    def predict_raw(self, m): pass",
            (),
            "one is async",
        ),
        (
            "class MyModel:\n    def predict(self, X, n): pass\n    async def tags(self): pass",
            (),
            "tags is async",
        ),
        ("class MyModel:\n    predict = 3", (), "predict is a int; it must be a method"),
        (
            "class MyModel:\n    def predict(self, X, n): pass\n    def load(self): 1 / 0",
            (),
            "load() failed: ZeroDiv",
        ),
        ("class MyModel:\n    def __init__(self): raise OSError('no file')", (), "no file"),
        ("class MyModel:\n    def __init__(self, a): pass", (), "missing a required argument: 'a'"),
        ("import nosuchpackage", (), "pip install nosuchpackage"),
        ("def (", (), "MyModel.py line 1"),
        ("", ("--parameters", "{"), "--parameters is not JSON"),
        ("", ("--parameters", '[{"name":"a","value":"x","type":"INT"}]'), "can't be parsed as a INT"),
    ],
)
def test_what_is_wrong_with_a_class_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, options: tuple[str, ...], said: str
) -> None:
    write_class(tmp_path, "MyModel", source)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "MyModel", raising=False)
    parameters = options[1] if options else "[]"
    with pytest.raises(StartError) as refused:
        load_component(Settings("MyModel", str(tmp_path), read_parameters(parameters), "MyModel"))
    sys.modules.pop("MyModel", None)
    assert said in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nosuchpackage", "pip install nosuchpackage"),
        ("import os\nos._exit(7)", "exit code 7"),
    ],
)
def test_a_wrong_class_is_one_clear_line_and_exit_code_1(tmp_path: Path, source: str, said: str) -> None:
    write_class(tmp_path, "MyModel", source)
    message = fail_to_start(tmp_path, "MyModel")
    assert said in message
    assert message.startswith("seldon-microservice: ")
    assert message.count("\n") == 1


@pytest.mark.slow
def test_a_missing_module_says_which_file_was_looked_for(tmp_path: Path) -> None:
    assert f"{tmp_path}/NoModel.py does not exist" in fail_to_start(tmp_path, "NoModel")
    assert "There is no file" in fail_to_start(tmp_path, "models/NoModel.py")


@pytest.mark.slow
def test_debug_shows_where_the_start_failed(tmp_path: Path) -> None:
    write_class(tmp_path, "MyModel", "class MyModel:\n    def __init__(self): raise OSError('no file')")
    assert "Traceback" in fail_to_start(tmp_path, "MyModel", "--debug")


@pytest.mark.slow
def test_a_taken_port_is_named(serve: Serve, tmp_path: Path) -> None:
    served = serve("TextModel", TEXT_MODEL)
    done = run(tmp_path, "TextModel", "--port", str(served.port))
    assert done.returncode == 1
    assert f"Port {served.port} on 127.0.0.1 is taken" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["models.text.TextModel", "models/text.py:TextModel"])
def test_a_class_is_found_by_module_and_by_path(tmp_path: Path, interface: str) -> None:
    (tmp_path / "models").mkdir()
    write_class(tmp_path / "models", "text", TEXT_MODEL)
    process = start(tmp_path, interface, "--port", "0")
    try:
        assert read_line(process).startswith("TextModel is served at http://127.0.0.1:")
    finally:
        end(process)
