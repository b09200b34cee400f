"""What a deployment may be said to serve, and where it says what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.errors import ServingInvalidError
from predictions.graphs.serving import MAX_DEPTH, MAX_UNITS, TYPES, Unit, parse_serving
from tests.predictions.graphs.servings import predictor, serving, unit

HERE = "http://127.0.0.1:9001"


def chain(depth: int) -> dict[str, Any]:
    graph = unit("u0")
    for index in range(1, depth):
        graph = unit(f"u{index}", "TRANSFORMER", graph)
    return graph


def pointer_of(value: Any) -> str:
    with pytest.raises(ServingInvalidError) as caught:
        parse_serving("sum", value)
    return str(caught.value.data["pointer"])


def test_every_field_of_the_seam_is_read() -> None:
    graph = unit(
        "ab",
        "ROUTER",
        unit("a", endpoints=[HERE, "http://127.0.0.1:9002"], image="company/a:0.1"),
        unit("b", endpoints="grpc://[::1]:9003", logger={"mode": "request", "url": "http://log"}),
        implementation="RANDOM_ABTEST",
        methods=["TRANSFORM_OUTPUT"],
        parameters=[{"name": "ratioA", "value": "0.5", "type": "FLOAT"}],
    )
    found = parse_serving("sum", serving(predictor(graph, traffic=30), rest_timeout="1500"))
    assert (found.protocol, found.rest_timeout_seconds, found.grpc_timeout_seconds) == ("seldon", 1.5, 0.0)
    root = found.predictors[0].graph
    assert root.does == {"ROUTE", "SEND_FEEDBACK", "TRANSFORM_OUTPUT"}
    assert (root.is_built_in, root.parameters) == (True, (("ratioA", "0.5", "FLOAT"),))
    assert root.children[0].endpoints == (HERE, "http://127.0.0.1:9002")
    assert (root.children[1].logger_mode, root.children[1].logger_url) == ("request", "http://log")
    assert [each.name for each in root.walk()] == ["ab", "a", "b"]


def test_shadow_without_traffic_sees_every_request() -> None:
    found = parse_serving(
        "sum", serving(predictor(unit("a")), predictor(unit("a"), "dark", traffic=0, shadow=True))
    )
    assert [(each.traffic, each.is_shadow) for each in found.predictors] == [(100.0, False), (100.0, True)]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/", []),
        ("/protocol", {**serving(predictor(unit("a"))), "protocol": "soap"}),
        ("/predictors", serving()),
        ("/predictors", serving(predictor(unit("a"), shadow=True))),
        ("/predictors", serving(predictor(unit("a"), traffic=0), predictor(unit("a"), "b", traffic=0))),
        ("/predictors", serving(predictor(unit("a")), predictor(unit("a")))),
        ("/predictors/0/traffic", serving(predictor(unit("a"), traffic=101))),
        ("/predictors/0/graph", serving(predictor(None))),  # type: ignore[arg-type]
        ("/predictors/0/graph/type", serving(predictor(unit("a", "LIBRARY")))),
        ("/predictors/0/graph/methods/0", serving(predictor(unit("a", methods=["PREDICT"])))),
        ("/predictors/0/graph/implementation", serving(predictor(unit("a", implementation="MAGIC")))),
        ("/predictors/0/graph/endpoints/0", serving(predictor(unit("a", endpoints="ftp://x:1")))),
        ("/predictors/0/graph/endpoints", serving(predictor(unit("a", endpoints=[HERE, "grpc://x:1"])))),
        ("/predictors/0/graph/endpoints", serving(predictor(unit("a", endpoints=["python:/f#m.C"] * 2)))),
        ("/predictors/0/graph/children/0/name", serving(predictor(unit("a", "MODEL", unit("a"))))),
        ("/predictors/0/graph/logger/mode", serving(predictor(unit("a", logger={"mode": "some"})))),
        ("/predictors/0/graph/children", serving(predictor(unit("a", implementation="RANDOM_ABTEST")))),
        (
            "/predictors/0/graph/parameters",
            serving(
                predictor(
                    unit(
                        "a",
                        "ROUTER",
                        unit("b"),
                        unit("c"),
                        implementation="RANDOM_ABTEST",
                        parameters=[{"name": "ratioA", "value": "1.5"}],
                    )
                )
            ),
        ),
        ("/predictors/0/graph", serving(predictor(unit("a", implementation="SIMPLE_MODEL")), protocol="v2")),
        (
            "/predictors/0/graph",
            serving(predictor(unit("a", "ROUTER", unit("b"), endpoints="grpc://x:1")), protocol="v2"),
        ),
        (
            "/predictors/0/graph",
            serving(
                predictor(unit("a", "MODEL", unit("b", endpoints=HERE), endpoints="grpc://x:1")),
                protocol="tensorflow",
            ),
        ),
        ("/annotations/seldon.io~1rest-timeout", serving(predictor(unit("a")), rest_timeout="5s")),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_place(pointer: str, value: Any) -> None:
    assert pointer_of(value) == pointer


def test_graph_as_deep_as_allowed_is_read_and_one_deeper_is_not() -> None:
    deepest = parse_serving("sum", serving(predictor(chain(MAX_DEPTH))))
    assert len(list(deepest.predictors[0].graph.walk())) == MAX_DEPTH
    assert deepest == parse_serving("sum", serving(predictor(chain(MAX_DEPTH))))
    assert pointer_of(serving(predictor(chain(MAX_DEPTH + 1)))).endswith("/children/0")


def test_graph_has_at_most_so_many_units() -> None:
    widest = unit("root", "COMBINER", *(unit(f"u{index}") for index in range(MAX_UNITS)))
    assert pointer_of(serving(predictor(widest))) == f"/predictors/0/graph/children/{MAX_UNITS - 1}"


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A tree of up to 30 units: the parent of each is any before it."""
    units = [unit("u0", draw(st.sampled_from(TYPES)))]
    for index in range(1, draw(st.integers(1, 30))):
        made = unit(f"u{index}", draw(st.sampled_from(TYPES)))
        draw(st.sampled_from(units))["children"].append(made)
        units.append(made)
    return units[0]


def as_given(found: Unit) -> tuple[str, str, list[Any]]:
    return found.name, found.type, [as_given(child) for child in found.children]


def as_written(value: dict[str, Any]) -> tuple[str, str, list[Any]]:
    return value["name"], value["type"], [as_written(child) for child in value["children"]]


@given(trees())
def test_any_tree_keeps_its_shape_and_order(graph: dict[str, Any]) -> None:
    assert as_given(parse_serving("sum", serving(predictor(graph))).predictors[0].graph) == as_written(graph)
