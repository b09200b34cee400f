"""SeldonDeployments out of text and back: every version, every form, unknown fields kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.manifests import (
    Manifest,
    ManifestInvalidError,
    ManifestUnreadableError,
    default_manifest,
    manifest_from,
    read_manifests,
    write_manifest,
    write_manifests,
)
from deploy.manifests.fields import Record, known_fields
from deploy.manifests.reading import MAX_GRAPH_DEPTH, MAX_UNITS
from deploy.manifests.records import Unit
from tests.deploy.manifests.making import container, document, graph, predictor


@pytest.mark.parametrize("version", ["v1", "v1alpha2", "v1alpha3"])
@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_every_version_is_read_from_yaml_and_json(version: str, write: Any) -> None:
    api = f"machinelearning.seldon.io/{version}"
    [manifest] = read_manifests(write(document() | {"apiVersion": api}))
    assert (manifest.name, manifest.api_version) == ("iris", api)
    assert manifest.spec.predictors[0].container("classifier") == container()


@pytest.mark.parametrize("list_of", [{"kind": "List", "apiVersion": "v1"}, {"kind": "SeldonDeploymentList"}])
def test_lists_and_several_documents_are_read_in_order(list_of: dict[str, Any]) -> None:
    listed = list_of | {"items": [document(name="b"), document(name="c")]}
    text = yaml.safe_dump_all([document(name="a"), None, listed, document(name="d")])
    assert [each.name for each in read_manifests(text)] == ["a", "b", "c", "d"]


# -- round trips -----------------------------------------------------------------------------------

NAMES = st.text(alphabet="abcdefgh-", min_size=1, max_size=8)
SCALARS: dict[str, st.SearchStrategy[Any]] = {"str": NAMES, "int": st.integers(0, 100), "bool": st.booleans()}
EXTRA = st.dictionaries(st.sampled_from(["x-new", "futureField"]), NAMES | st.integers(), max_size=1)


def documents_of(record: type[Record], depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects of every shape that the record allows, with unknown fields among them."""
    known = {key: value_of(key, str(each.type), depth) for key, each in known_fields(record).items()}
    required = {key for key, each in known_fields(record).items() if each.metadata["required"]}
    optional = {key: value for key, value in known.items() if key not in required}
    fixed = st.fixed_dictionaries({key: known[key] for key in required}, optional=optional)
    return st.tuples(fixed, EXTRA).map(lambda pair: pair[0] | pair[1])


def value_of(key: str, annotation: str, depth: int) -> st.SearchStrategy[Any]:
    plain = annotation.removesuffix(" | None")
    if "Json" in plain or plain in SCALARS or "str" in plain:
        return plain_value(key, plain)
    inner = RECORDS[plain.removeprefix("tuple[").removesuffix(", ...]")]
    if inner is Unit and depth >= 3:
        return st.just([]) if plain.startswith("tuple") else st.just({"name": "end"})
    below = st.deferred(lambda: documents_of(inner, depth + 1))
    return st.lists(below, max_size=2) if plain.startswith("tuple") else below


def plain_value(key: str, plain: str) -> st.SearchStrategy[Any]:
    if plain in SCALARS:
        return SCALARS[plain]
    if plain == "Mapping[str, str]":
        return st.dictionaries(NAMES, NAMES, max_size=2)
    if plain == "tuple[str, ...]":
        return st.lists(NAMES, max_size=2)
    if key == "spec":
        return st.fixed_dictionaries(
            {"containers": st.lists(st.fixed_dictionaries({"name": NAMES}), max_size=2)}
        )
    return st.just([{"name": "a", "type": "Resource"}] if plain.startswith("tuple") else {"b": [1, None]})


RECORDS = {each.__name__: each for each in Record.__subclasses__()}
MANIFESTS = documents_of(Manifest).map(
    lambda made: (
        made
        | {"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment"}
        | {"metadata": {**made["metadata"], "name": "iris", "namespace": "acme"}}
    )
)


@settings(deadline=None)
@given(MANIFESTS)
def test_any_manifest_is_the_same_after_it_was_read_and_written(made: dict[str, Any]) -> None:
    manifest = manifest_from(made)
    assert write_manifest(manifest) == made
    for form in ("yaml", "json"):
        [again] = read_manifests(write_manifests([manifest], form))
        assert again == manifest


@settings(deadline=None)
@given(MANIFESTS)
def test_defaulting_keeps_what_was_given_and_adds_no_second_container(made: dict[str, Any]) -> None:
    once = default_manifest(manifest_from(made))
    names = [
        [each["name"] for pod in one.components for each in pod.containers] for one in once.spec.predictors
    ]
    twice = default_manifest(once).spec.predictors
    assert names == [[each["name"] for pod in one.components for each in pod.containers] for one in twice]
    assert once.extra == manifest_from(made).extra
    assert [each.name for each in once.spec.predictors] == [
        each["name"] for each in made["spec"]["predictors"]
    ]


def test_nulls_are_as_if_they_were_not_there() -> None:
    assert manifest_from(document(predictor(explainer=None, replicas=None))) == manifest_from(document())


def test_several_manifests_are_one_list_in_json() -> None:
    two = [manifest_from(document(name="a")), manifest_from(document(name="b"))]
    text = write_manifests(two, "json")
    assert json.loads(text)["kind"] == "List"
    assert read_manifests(text) == two


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is nothing in it"),
        ("hello", "document 1 is no object with apiVersion and kind"),
        ("{kind: List, items: 3}", "document 1: items must be a list"),
        ("{kind: List, items: [3]}", "document 1, items[0] is no object"),
        ("{kind: Secret, apiVersion: v1}", "document 1 is Secret of v1; only SeldonDeployment of"),
        ("{kind: SeldonDeployment}", "document 1 has no apiVersion;"),
        ("{metadata: {name: x}}", "document 1 has no kind and no apiVersion;"),
        (
            "{kind: SeldonDeployment, apiVersion: machinelearning.seldon.io/v2}",
            "v2; only SeldonDeployment of",
        ),
    ],
)
def test_text_without_seldon_deployments_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ManifestUnreadableError) as caught:
        read_manifests(text)
    assert reason in caught.value.message


def changed(**fields: Any) -> dict[str, Any]:
    return document(predictor(**fields))


def with_parameter(**fields: Any) -> dict[str, Any]:
    unit = {"name": "classifier", "parameters": [{"name": "p", "value": "1", "type": "INT"} | fields]}
    return changed(graph=unit)


WRONG = {
    "no graph": ({"spec": {"predictors": [{"name": "a"}]}}, "spec.predictors[0].graph: Required value"),
    "no predictors": ({"spec": {}}, "spec.predictors: Required value"),
    "no spec": ({"spec": None}, "spec: Required value"),
    "no name": ({"metadata": {}}, "metadata.name: Required value: name is required"),
    "generated name": ({"metadata": {"generateName": "x-"}}, "generateName is not read"),
    "bad name": (
        {"metadata": {"name": "My_Model"}},
        'metadata.name: Invalid value: "My_Model": a lowercase RFC',
    ),
    "slash": ({"metadata": {"name": "a", "namespace": "../x"}}, "metadata.namespace: Invalid value"),
    "traffic": (changed(traffic="50"), 'traffic: Invalid value: "50": must be a whole number'),
    "true": (changed(traffic=True), "traffic: Invalid value: true: must be a whole number"),
    "shadow": (changed(shadow="yes"), "must be true or false"),
    "list": (changed(componentSpecs={}), "componentSpecs: Invalid value: {}: must be a list"),
    "containers": (
        changed(componentSpecs=[{"spec": {"containers": {"a": 1}}}]),
        "spec.containers: Invalid value",
    ),
    "container": (changed(componentSpecs=[{"spec": {"containers": [1]}}]), "containers[0]: Invalid value: 1"),
    "nameless": (
        changed(componentSpecs=[{"spec": {"containers": [{}]}}]),
        "containers[0].name: Required value",
    ),
    "ports": (
        changed(componentSpecs=[{"spec": {"containers": [container(ports={"a": 1})]}}]),
        "spec.containers[0].ports: Invalid value",
    ),
    "number": (
        with_parameter(value=0.5),
        "parameters[0].value: Invalid value: 0.5: must be a string: put it in",
    ),
    "annotation": (
        document(annotations={"seldon.io/rest-timeout": 5000}),
        "spec.annotations.seldon.io/rest-timeout: Invalid value: 5000: must be a string: put it in quotes",
    ),
    "unit": (changed(graph={"name": "../../etc"}), "graph.name: Invalid value"),
    "dots": (changed(graph={"name": ".."}), "graph.name: Invalid value"),
    "empty": (changed(graph={"name": ""}), "graph.name: Invalid value"),
    "predictor": (changed(name="a/b"), "spec.predictors[0].name: Invalid value"),
    "hpa": (
        changed(componentSpecs=[{"spec": {"containers": [container()]}, "hpaSpec": {}}]),
        "componentSpecs[0].hpaSpec.maxReplicas: Required value",
    ),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_form_is_told_with_its_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        read_manifests(json.dumps(document() | change))
    assert words in caught.value.message


def test_every_place_of_every_document_is_told_at_once() -> None:
    bad = [
        document(predictor(traffic="1", shadow=1), name="a"),
        document({"name": 3, "graph": {"name": "c"}}, name="b"),
    ]
    with pytest.raises(ManifestInvalidError) as caught:
        read_manifests("".join(map(json.dumps, bad)))
    told = [(fault.subject, fault.path) for fault in caught.value.faults]
    assert told == [
        ("a", "spec.predictors[0].traffic"),
        ("a", "spec.predictors[0].shadow"),
        ("b", "spec.predictors[0].name"),
    ]


def chain(depth: int) -> dict[str, Any]:
    unit: dict[str, Any] = {"name": "classifier"}
    for place in range(depth - 1):
        unit = {"name": f"u{place}", "implementation": "SIMPLE_MODEL", "children": [unit]}
    return unit


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_graph_of_a_hundred_units_below_each_other_is_read_and_one_more_is_not(write: Any) -> None:
    [manifest] = read_manifests(write(document(graph(chain(MAX_GRAPH_DEPTH), "classifier"))))
    assert write_manifest(manifest)["spec"]["predictors"][0]["graph"] == chain(MAX_GRAPH_DEPTH)
    with pytest.raises(ManifestInvalidError, match="graph: is 101 units deep, and may be 100"):
        read_manifests(write(document(graph(chain(MAX_GRAPH_DEPTH + 1), "classifier"))))


def test_a_thousand_units_are_read_and_one_more_is_not() -> None:
    def wide(count: int) -> str:
        below = [{"name": f"u{place}"} for place in range(count - 1)]
        return json.dumps(document(graph({"name": "top", "children": below}, "top")))

    assert read_manifests(wide(MAX_UNITS))
    with pytest.raises(ManifestInvalidError, match="has 1001 units, and may have 1000"):
        read_manifests(wide(MAX_UNITS + 1))


def test_graph_that_contains_itself_is_refused() -> None:
    text = (
        yaml.safe_dump(document())
        .replace("graph:", "graph: &top")
        .replace("name: classifier\n    name", "name: classifier\n      children: [*top]\n    name")
    )
    assert "*top" in text
    with pytest.raises(ManifestUnreadableError, match=r"\*top contains itself"):
        read_manifests(text)
