"""Strategy documents: Seldon's own work unchanged, every mistake is told with its place."""

from __future__ import annotations

from typing import Any

import pytest

from predictions.records import Algorithm
from predictions.strategies import NAME_OPTION, URL_OPTION, parse_strategy
from stores.config.errors import ConfigInvalidError

PATH = "/all_clients/acme/predict_algs"


def external(name: str = "iris", url: str = "http://iris:5000/predict") -> dict[str, Any]:
    config = [{"name": URL_OPTION, "value": url}, {"name": NAME_OPTION, "value": name}]
    return {"name": "externalPredictionServer", "config": config}


def algorithms(*entries: Any, **rest: Any) -> dict[str, Any]:
    return {"algorithms": list(entries), **rest}


def variations(*entries: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"variations": list(entries), **rest}


def variation(label: str = "A", ratio: Any = 0.5, **rest: Any) -> dict[str, Any]:
    return {"label": label, "ratio": ratio, "config": algorithms({"microservice": "iris"}), **rest}


def test_seldons_own_document_is_read() -> None:
    document = algorithms(
        external("a", "http://a:5000/predict"), {**external("b", "http://b/p")}, transformers=[]
    )
    strategy = parse_strategy(PATH, document)
    assert strategy.variations[0].algorithms == (
        Algorithm("a", "http://a:5000/predict"),
        Algorithm("b", "http://b/p"),
    )
    assert not strategy.is_split
    assert strategy.microservices == frozenset()


def test_seldons_own_variations_are_read() -> None:
    document = variations(
        {"label": "normal", "ratio": "0.9", "config": algorithms(external("a"), transformers=[])},
        {"label": "baseline", "ratio": 0.1, "config": algorithms(external("b"))},
    )
    strategy = parse_strategy(PATH, document)
    assert [(each.label, each.ratio) for each in strategy.variations] == [("normal", 0.9), ("baseline", 0.1)]
    assert strategy.is_split


def test_simpler_form_names_registered_microservices() -> None:
    strategy = parse_strategy(
        PATH, {"microservice": "iris", "deadline_seconds": 2, "default_output": {"strData": "?"}}
    )
    assert strategy.microservices == {"iris"}
    assert strategy.deadline_seconds == 2
    assert strategy.variations[0].default_output == {"strData": "?"}


def test_shadow_takes_no_part_in_the_split() -> None:
    strategy = parse_strategy(PATH, variations(variation(), variation("new", 0.2, shadow=True)))
    assert [each.label for each in strategy.variations] == ["A"]
    assert [(each.label, each.ratio) for each in strategy.shadows] == [("new", 0.2)]


def rpc(**options: Any) -> dict[str, Any]:
    found = [
        {"name": f"io.seldon.rpc.microservice.{name}", "value": value} for name, value in options.items()
    ]
    return {"name": "rpcPredictionServer", "config": found}


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("iris", "5000", "grpc://iris:5000"),
        ("10.0.0.3", 5000, "grpc://10.0.0.3:5000"),
        ("::1", 5000.0, "grpc://[::1]:5000"),
    ],
)
def test_seldon_servers_grpc_is_reached_at_host_and_port(host: str, port: Any, url: str) -> None:
    strategy = parse_strategy(PATH, algorithms(rpc(host=host, port=port)))
    assert strategy.variations[0].algorithms == (Algorithm(host, url),)


WRONG: list[tuple[Any, str, str]] = [
    ([], "", "must be an object"),
    ({}, "", "'algorithms' is missing"),
    ({"algorithms": {}}, "/algorithms", "must be a list"),
    ({"algorithms": []}, "/algorithms", "must not be empty"),
    ({"algorithms": ["iris"]}, "/algorithms/0", "must be an object"),
    ({"algorithms": [{}]}, "/algorithms/0", "'name' is missing"),
    (algorithms({"name": "magic", "config": []}), "/algorithms/0/name", "not a prediction algorithm"),
    (algorithms({"name": "rpcPredictionServer"}), "/algorithms/0", "'config' is missing"),
    (
        algorithms(rpc(host="iris")),
        "/algorithms/0/config",
        "needs the option io.seldon.rpc",
    ),
    (algorithms(rpc(host="iris", port="x")), "/algorithms/0/config/1/value", "not a number"),
    (algorithms(rpc(host="iris", port=70000)), "/algorithms/0/config/1/value", "1 to 65535"),
    (algorithms(rpc(host="iris", port=1.5)), "/algorithms/0/config/1/value", "whole number"),
    (algorithms(rpc(host="http://iris", port=5000)), "/algorithms/0/config/0/value", "name or the address"),
    (algorithms(rpc(host="a b", port=5000)), "/algorithms/0/config/0/value", "name or the address"),
    (algorithms(rpc(host="iris", port=5000, url="x")), "/algorithms/0/config/2/name", "no option"),
    (algorithms(external(url="grpc://iris:5000")), "/algorithms/0/config/0/value", "rpcPredictionServer"),
    (algorithms({"name": "vwClassifier"}), "/algorithms/0/name", "microservice"),
    (algorithms({"name": "externalPredictionServer"}), "/algorithms/0", "'config' is missing"),
    (
        algorithms(
            {"name": "externalPredictionServer", "config": [{"name": URL_OPTION, "value": "http://a"}]}
        ),
        "/algorithms/0/config",
        NAME_OPTION,
    ),
    (
        algorithms({"name": "externalPredictionServer", "config": [{"name": "io.seldon.x", "value": "1"}]}),
        "/algorithms/0/config/0/name",
        "no option",
    ),
    (algorithms(external(url="iris:5000/predict")), "/algorithms/0/config/0/value", "http://"),
    (algorithms(external(url="http://")), "/algorithms/0/config/0/value", "host"),
    (algorithms(external(url="unix:/run/docker.sock")), "/algorithms/0/config/0/value", "operator"),
    (algorithms(external(url="http://a b/")), "/algorithms/0/config/0/value", "percent"),
    (algorithms(external(url="http://u:p@a/")), "/algorithms/0/config/0/value", "user"),
    (algorithms(external(url="http://a:99999/")), "/algorithms/0/config/0/value", "ort"),
    (algorithms({"microservice": "a", "name": "b"}), "/algorithms/0/name", "there may be microservice"),
    (algorithms({"microservice": 3}), "/algorithms/0/microservice", "text"),
    (algorithms(external(), typo=1), "/typo", "no 'typo'"),
    (algorithms(external(), deadline_seconds=0), "/deadline_seconds", "above 0"),
    (algorithms(external(), deadline_seconds=True), "/deadline_seconds", "number"),
    (algorithms(external(), default_output=[]), "/default_output", "object"),
    (algorithms(external(), default_output={"meta": {}}), "/default_output", "none of"),
    (algorithms(external(), default_output={"predictions": [1]}), "/default_output/predictions/0", "object"),
    (variations(), "/variations", "must not be empty"),
    (variations(variation(ratio="half")), "/variations/0/ratio", "not a number"),
    (variations(variation(ratio=-1)), "/variations/0/ratio", "zero or more"),
    (variations(variation(ratio="nan")), "/variations/0/ratio", "finite"),
    (variations(variation(ratio=0)), "/variations", "above zero"),
    (variations(variation(shadow=True)), "/variations", "above zero"),
    (variations(variation(), variation("B", 2, shadow=True)), "/variations/1/ratio", "0 to 1"),
    (variations(variation(), variation()), "/variations/1/label", "another"),
    (variations({"ratio": 1, "config": {}}), "/variations/0", "'label' is missing"),
    (variations({"label": "A", "ratio": 1}), "/variations/0", "'config' is missing"),
    (
        variations({"label": "A/B~", "ratio": 1, "config": {"a/b~": 1}}),
        "/variations/0/config/a~1b~0",
        "there is no",
    ),
    (variations(variation(), algorithms=[]), "/algorithms", "no 'algorithms'"),
    ({"variations": [{**variation(), "a/b~": 1}]}, "/variations/0/a~1b~0", "there is no"),
]


@pytest.mark.parametrize(("document", "place", "reason"), WRONG)
def test_mistake_is_told_with_its_place(document: Any, place: str, reason: str) -> None:
    with pytest.raises(ConfigInvalidError) as caught:
        parse_strategy(PATH, document)
    assert caught.value.data["place"] == place
    assert reason in caught.value.data["reason"]
