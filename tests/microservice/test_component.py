"""The class contract: what is accepted, and how each hook is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microservice.component import Component, check_parameters, load_component
from microservice.errors import BadMetricError, StartError
from microservice.finding import Target, read_interface
from microservice.hooks import drive
from microservice.parameters import read_parameters
from microservice.settings import Settings
from tests.microservice.running import write_class


class Plain:
    """A class with the least there can be."""

    def predict(self, features: Any, names: Any) -> Any:
        return [features, names]


class WithMeta:
    """A class that fails with a TypeError of its own."""

    class_names = ("yes", "no")

    def __init__(self) -> None:
        self.metas: list[Any] = []

    def predict(self, features: Any, names: Any, meta: Any = None) -> Any:
        self.metas.append(meta)
        raise TypeError("mine")


def ask(component: Component, features: Any, names: Any, meta: Any) -> Any:
    hook = component.hooks["predict"]
    assert hook is not None
    return drive(hook.call(features, names, more=meta))


def test_a_predict_without_meta_is_called_without_it() -> None:
    assert ask(Component(Plain()), 1, ["a"], {"puid": "p"}) == [1, ["a"]]


def test_a_type_error_of_the_model_does_not_call_it_twice() -> None:
    subject = WithMeta()
    with pytest.raises(TypeError, match="mine"):
        ask(Component(subject), 1, [], {"puid": "p"})
    assert subject.metas == [{"puid": "p"}]


def test_class_names_may_be_an_attribute() -> None:
    assert Component(WithMeta()).name_columns(2) == ["yes", "no"]
    assert Component(Plain()).name_columns(2) == ("t:0", "t:1")


def test_hooks_that_are_missing_answer_as_seldon_core_does() -> None:
    component = Component(Plain())
    assert (component.tags(), component.metrics(), component.metadata()) == ({}, [], {})
    assert component.hooks["health_status"] is None
    assert component.hooks["send_feedback"] is None


@pytest.mark.parametrize(
    "metric",
    [
        {"type": "COUNTER", "key": "k"},
        {"type": "SUM", "key": "k", "value": 1},
        {"type": "GAUGE", "key": "", "value": 1},
        {"type": "GAUGE", "key": 5, "value": 1},
        {"type": "GAUGE", "key": "k", "value": "1"},
        {"type": "GAUGE", "key": "k", "value": 1, "tags": ["t"]},
        "k",
    ],
)
def test_a_bad_metric_is_refused_with_what_was_returned(metric: Any) -> None:
    subject = Plain()
    subject.metrics = lambda: [metric]  # type: ignore[attr-defined]
    with pytest.raises(BadMetricError, match="Bad metric created during request"):
        Component(subject).metrics()


def test_parameters_are_typed() -> None:
    text = """[{"name":"a","value":"1","type":"INT"},{"name":"b","value":"1.5","type":"DOUBLE"},
               {"name":"c","value":"off","type":"BOOL"},{"name":"d","value":"x","type":"STRING"}]"""
    assert read_parameters(text) == {"a": 1, "b": 1.5, "c": False, "d": "x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"name":"a","value":"x","type":"FLOAT"}]', "a with value x can't be parsed as a FLOAT"),
        ('[{"name":"a","value":"maybe","type":"BOOL"}]', "can't be parsed as a BOOL"),
        ('[{"name":"a","value":"x","type":"LIST"}]', "valid are INT, FLOAT, DOUBLE, STRING, BOOL"),
        ('[{"value":"x"}]', "needs name, value and type"),
        ("{}", "must be an array"),
    ],
)
def test_a_wrong_parameter_is_named(text: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        read_parameters(text)


def test_an_unknown_constructor_argument_is_refused_before_the_class_is_made() -> None:
    with pytest.raises(StartError, match="unexpected keyword argument 'scale'"):
        check_parameters(Plain, {"scale": 1})


@pytest.mark.parametrize(
    ("interface", "target"),
    [
        ("MyModel", ("", "MyModel", "MyModel")),
        ("pkg.mod.Foo", ("", "pkg.mod", "Foo")),
        ("mod:Foo", ("", "mod", "Foo")),
        ("iris/MyModel.py", ("iris", "MyModel", "MyModel")),
        ("iris/MyModel.py:Foo", ("iris", "MyModel", "Foo")),
    ],
)
def test_an_interface_names_folder_module_and_class(
    tmp_path: Path, interface: str, target: tuple[str, str, str]
) -> None:
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "MyModel.py").touch()
    folder, module, name = target
    assert read_interface(interface, tmp_path) == Target(tmp_path / folder, module, name)


def test_load_runs_once_after_the_constructor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    source = """
        class LoadedOnce:
            def __init__(self, scale):
                self.calls = [scale]
            def load(self):
                self.calls.append("load")
            def predict(self, X, features_names):
                return self.calls
    """
    write_class(tmp_path, "LoadedOnce", source)
    component = load_component(Settings("LoadedOnce", str(tmp_path), {"scale": 2}, "m"))
    assert ask(component, None, [], {}) == [2, "load"]
