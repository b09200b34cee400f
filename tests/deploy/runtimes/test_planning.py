"""From manifests to programs, variables, limits and probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.bundles.records import Bundle
from deploy.bundles.store import BundleStore
from deploy.manifests import manifest_from
from deploy.runtimes.local.planning import plan_deployment
from deploy.runtimes.local.quantities import read_quantity
from deploy.runtimes.local.records import DeploymentPlan, UnitPlan
from deploy.runtimes.local.surroundings import Surroundings
from deploy.serving import is_in_process, with_endpoints
from tests.deploy.manifested import container, manifest, predictor


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Has the bundle company/doubler:0.1, and nothing in it."""
    store = BundleStore(tmp_path)
    with store.workshop() as workshop:
        facts = {"MODEL_NAME": "Doubler", "SERVICE_TYPE": "MODEL"}
        store.name(
            "company/doubler:0.1", store.keep(workshop, Bundle("k", "e", "", "", "", "", facts, workshop))
        )
    return store


def planned(store: BundleStore, document: dict[str, Any]) -> DeploymentPlan:
    return plan_deployment("acme", 1, manifest_from(document), store)


def only(store: BundleStore, **fields: Any) -> UnitPlan:
    [unit] = planned(store, manifest(predictor(containers=[container("classifier", **fields)]))).units
    return unit


def test_bundle_is_run_in_its_source(store: BundleStore) -> None:
    unit = only(store, args=["--workers", "2"])
    waiting = ("--patience-seconds", "5")
    assert unit.command == (str(store.root / "made/k/run"), "--host", "127.0.0.1", *waiting, "--workers", "2")
    assert unit.directory == str(store.root / "made/k/source")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("2500", ("--timeout-seconds", "2.5")),
        *((told, ("--patience-seconds", "5")) for told in ("5s", "0", "")),
    ],
)
def test_model_that_outlasts_what_callers_wait_is_replaced(
    store: BundleStore, told: str, words: tuple[str, ...]
) -> None:
    document = manifest(
        predictor(
            graph={"name": "classifier", "children": [
                {"name": "s", "implementation": "SKLEARN_SERVER", "modelUri": "file:///m"}]},
            containers=[container("classifier", args=["--timeout-seconds", "9"])],
        )
    )  # fmt: skip
    document["spec"]["annotations"] = {"seldon.io/rest-timeout": told}
    own, shipped = planned(store, document).units
    # What the container itself says comes after it, and counts.
    assert own.command[1:] == ("--host", "127.0.0.1", *words, "--timeout-seconds", "9")
    assert shipped.command[-2 - len(words) :] == ("--host", "127.0.0.1", *words)


def test_own_command_goes_before_the_bundles(store: BundleStore) -> None:
    unit = only(store, command=["python", "serve.py"], args=["x"])
    assert unit.command == ("python", "serve.py", "x")
    assert dict(unit.variables)["PATH"].startswith(str(store.root / "made/k/environment/bin"))
    assert unit.readiness.kind == "tcp"


def test_unit_knows_who_it_is_and_a_manifest_cannot_change_that(store: BundleStore) -> None:
    document = manifest(
        predictor(
            graph={"name": "classifier", "type": "MODEL", "parameters": [
                {"name": "ratio", "value": "0.5", "type": "FLOAT"}]},
            containers=[container("classifier", env=[
                {"name": "MINE", "value": "1"}, {"name": "PREDICTOR_ID", "value": "other"}])],
            labels={"version": "v7"},
        )
    )  # fmt: skip
    found = dict(planned(store, document).units[0].variables)
    assert (found["MINE"], found["PREDICTOR_ID"], found["SELDON_DEPLOYMENT_ID"]) == ("1", "main", "iris")
    assert json.loads(found["PREDICTIVE_UNIT_PARAMETERS"]) == [
        {"name": "ratio", "value": "0.5", "type": "FLOAT"}
    ]
    assert json.loads(found["PREDICTOR_LABELS"]) == {"version": "v7"}


def test_missing_image_says_how_to_make_one(store: BundleStore) -> None:
    assert "seldon-cli build <source folder> nobody/x:1" in only(store, image="nobody/x:1").problem


@pytest.mark.parametrize("word", ["SKLEARN_SERVER", "XGBOOST_SERVER", "LIGHTGBM_SERVER", "MLFLOW_SERVER"])
def test_prepackaged_server_needs_no_bundle(store: BundleStore, word: str) -> None:
    graph = {"name": "clf", "implementation": word, "modelUri": "/models/iris"}
    [unit] = planned(store, manifest(predictor(graph=graph, containers=[]))).units
    assert (word in unit.command, unit.problem) == (True, "")
    parameters = json.loads(dict(unit.variables)["PREDICTIVE_UNIT_PARAMETERS"])
    assert {"name": "model_uri", "value": "/models/iris", "type": "STRING"} in parameters


@pytest.mark.parametrize(
    ("image", "word"),
    [
        ("seldonio/mab_epsilon_greedy:1.6.0", "EPSILON_GREEDY"),
        ("seldon-api/thompson-sampling", "THOMPSON_SAMPLING"),
        ("seldon-api/isolation-forest", "ISOLATION_FOREST"),
        ("docker.io/seldonio/sklearnserver:1.17.1", "SKLEARN_SERVER"),
    ],
)
def test_unit_that_ships_is_found_by_its_image_and_has_a_folder(
    store: BundleStore, image: str, word: str
) -> None:
    unit = only(store, image=image)
    assert (word in unit.command, unit.problem) == (True, "")
    assert unit.directory == str(store.root.parent / "units/acme/iris/classifier")


def test_class_for_the_gateways_workers_is_no_process_and_its_own_endpoint(store: BundleStore) -> None:
    image = "python:/srv/models#doubler.Doubler"
    document = manifest(predictor(containers=[container("classifier", image=image)]))
    allowed = Surroundings(units_in_process=True)
    plan = plan_deployment("acme", 1, manifest_from(document), store, allowed)
    served = with_endpoints(plan.skeleton, lambda predictor, unit: [])
    assert plan.units == ()
    assert served["predictors"][0]["graph"]["endpoints"] == [image]
    assert "set UNITS_IN_PROCESS=1" in only(store, image=image).problem


@pytest.mark.parametrize(
    "image", ["python:3.11", "python:/srv/models", "python:3#x", "docker.io/python:3#a.B"]
)
def test_image_that_only_looks_like_a_class_is_none(image: str) -> None:
    assert not is_in_process(image)


def test_image_of_others_is_not_taken_for_a_unit_that_ships(store: BundleStore) -> None:
    assert only(store, image="somebody/ucb1:1").problem


def test_server_that_is_not_ours_is_told(store: BundleStore) -> None:
    graph = {"name": "clf", "implementation": "TEMPO_SERVER", "modelUri": "/models/iris"}
    [unit] = planned(store, manifest(predictor(graph=graph, containers=[]), protocol="v2")).units
    assert "TEMPO_SERVER cannot be started on this machine" in unit.problem


def test_proxy_asks_for_the_model_that_has_the_units_name(store: BundleStore) -> None:
    graph = {
        "name": "iris", "implementation": "TRITON_SERVER", "modelUri": "s3://models",
        "parameters": [{"name": "rest_endpoint", "value": "http://triton:8000", "type": "STRING"}],
    }  # fmt: skip
    [unit] = planned(store, manifest(predictor(graph=graph, containers=[]), protocol="v2")).units
    parameters = json.loads(dict(unit.variables)["PREDICTIVE_UNIT_PARAMETERS"])
    assert {"name": "model_name", "value": "iris", "type": "STRING"} in parameters


def test_built_in_units_need_no_process(store: BundleStore) -> None:
    graph = {
        "name": "ab", "implementation": "RANDOM_ABTEST",
        "children": [
            {"name": "a", "implementation": "SIMPLE_MODEL"}, {"name": "classifier", "type": "MODEL"},
        ],
    }  # fmt: skip
    found = planned(store, manifest(predictor(graph=graph)))
    assert [unit.key.unit for unit in found.units] == ["classifier"]
    assert found.skeleton["predictors"][0]["graph"]["implementation"] == "RANDOM_ABTEST"


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ([{"name": "A", "valueFrom": {}}], "write its value"),
        ([{"name": "--chdir", "value": "/"}], "no name of a variable"),
        ([{"name": "A", "value": "a\0b"}], "NUL"),
    ],
)
def test_variable_that_cannot_be_set_is_told(store: BundleStore, env: list[Any], word: str) -> None:
    assert word in only(store, env=env).problem


def test_nearest_replicas_count(store: BundleStore) -> None:
    document = manifest(predictor("a", replicas=2, traffic=50), predictor("b", traffic=50), replicas=3)
    document["spec"]["predictors"][0]["componentSpecs"][0]["replicas"] = 4
    assert [unit.replicas for unit in planned(store, document).units] == [4, 3]


def test_limits_become_memory_niceness_and_threads(store: BundleStore) -> None:
    limits = only(store, resources={"limits": {"memory": "512Mi", "cpu": "300m"}}).limits
    assert (limits.memory_bytes, limits.nice, limits.threads) == (512 * 2**20, 7, 1)
    assert only(store, resources={"limits": {"cpu": "2"}}).limits.threads == 2


def test_number_of_replicas_makes_no_other_revision_and_a_variable_does(store: BundleStore) -> None:
    one = planned(store, manifest()).units[0]
    assert planned(store, manifest(replicas=5)).units[0].revision == one.revision
    assert only(store, env=[{"name": "A", "value": "1"}]).revision != one.revision


def test_probe_of_the_manifest_asks_our_own_port_in_its_place(store: BundleStore) -> None:
    readiness = {"httpGet": {"path": "/up", "port": "http"}, "periodSeconds": 3, "failureThreshold": 5}
    probe = only(store, readinessProbe=readiness).readiness
    assert (probe.target, probe.door, probe.port) == (("/up",), "http", 0)
    assert (probe.period_seconds, probe.failures) == (3.0, 5)
    by_number = only(store, livenessProbe={"tcpSocket": {"port": 9000}}).liveness
    assert by_number
    assert (by_number.kind, by_number.port, by_number.door) == ("tcp", 0, "http")
    foreign = only(store, livenessProbe={"tcpSocket": {"port": 7777}}).liveness
    assert foreign
    assert foreign.port == 7777


@pytest.mark.parametrize(
    ("transport", "wanted"),
    [("REST", ("http", ("/v2/health/ready",), "http")), ("GRPC", ("grpc", (), "grpc"))],
)
def test_foreign_program_that_speaks_v2_is_ready_when_it_says_so(
    store: BundleStore, transport: str, wanted: tuple[str, tuple[str, ...], str]
) -> None:
    graph = {"name": "classifier", "endpoint": {"type": transport}}
    foreign = container("classifier", command=["mlserver", "start", "."])

    def asked(protocol: str, *containers: dict[str, Any]) -> list[tuple[str, tuple[str, ...], str]]:
        document = manifest(predictor(graph=graph, containers=[*containers]), protocol=protocol)
        probes = [unit.readiness for unit in planned(store, document).units]
        return [(each.kind, each.target, each.door) for each in probes]

    assert asked("v2", foreign) == [wanted]
    assert asked("kfserving", foreign) == [wanted]
    # A container without a unit speaks nothing that is known.
    beside = container("beside", command=["sleep", "9"])
    assert asked("v2", foreign, beside)[1] == ("tcp", (), "http")
    assert asked("seldon", foreign) == [("tcp", (), wanted[2])]
    written = foreign | {"readinessProbe": {"tcpSocket": {"port": "http"}}}
    assert asked("v2", written) == [("tcp", (), "http")]
    assert asked("v2", container("classifier"))[0][1] == ("/ready",)


def test_grpc_endpoint_is_called_by_grpc(store: BundleStore) -> None:
    assert planned(store, manifest(transport="grpc")).units[0].scheme == "grpc"


@pytest.mark.parametrize(
    ("text", "number"),
    [("512Mi", 2**29), ("1G", 1e9), ("500m", 0.5), ("2", 2), ("1e3", 1000), ("1.5Gi", 1.5 * 2**30)],
)
def test_quantities_are_kubernetes(text: str, number: float) -> None:
    assert read_quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "x", "1Xi", "-1", "0", "1..2", None, "1e999"])
def test_what_is_no_quantity_limits_nothing(text: Any) -> None:
    assert read_quantity(text) is None
