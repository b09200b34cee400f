"""Units under Seldon Core's own wrapper and MLServer, inside our graphs, on a whole machine."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from deploy.waiting import wait_until
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import apply, described, run, token_of
from tests.journeys.foreign_classes import MLSERVER, OURS, SELDON_CORE, make_source
from tests.journeys.machines import ROOT, Installation, new_place

THEIRS: Final = ROOT / ".run" / "seldon-core" / "bin" / "seldon-core-microservice"
MLSERVER_COMMAND: Final = ROOT / ".run" / "mlserver" / "bin" / "mlserver"
THEIR_IMAGE, V2_IMAGE, OUR_IMAGE = "foreign/seldon-core:1", "foreign/mlserver:1", "company/own:1"
Json = dict[str, Any]

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (THEIRS.exists() and MLSERVER_COMMAND.exists()),
        reason="seldon-core 1.17.1 or mlserver 1.7.1 is not in .run; `make journeys` installs them",
    ),
]


@dataclass
class Caller:
    """Asks the deployment iris with a token of acme."""

    machine: Installation
    token: str

    def post(self, path: str, message: Any) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        connection = http.client.HTTPConnection(urlsplit(self.machine.url).netloc, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/seldon/acme/iris/{path}", json.dumps(message), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def predict(self, *row: float) -> tuple[int, Any]:
        """The answer to one row, as Seldon Core's API has it."""
        return self.post("api/v1.0/predictions", {"data": {"names": ["a"], "ndarray": [[*row]]}})

    def infer(self, *values: float) -> tuple[int, Any]:
        """The answer to one tensor, as v2 has it."""
        tensor = {"name": "x", "datatype": "FP64", "shape": [1, len(values)], "data": [*values]}
        return self.post("v2/models/model/infer", {"id": "call-1", "inputs": [tensor]})


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), SELDON_WORKERS="1", RUN_WORKERS="0") as place:
        place.migrate()
        for image, module, text, name in (
            (THEIR_IMAGE, "theirs", SELDON_CORE, "Tripler"),
            (V2_IMAGE, "model", MLSERVER, "Tripler"),
            (OUR_IMAGE, "own", OURS, "Own"),
        ):
            source = make_source(folder / module, module, text, name)
            run(place, "build", str(source), image)
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def token(machine: Installation) -> str:
    return token_of(machine.place, machine.url)


@pytest.fixture
def caller(machine: Installation, token: str) -> Iterator[Caller]:
    """A caller, and nothing deployed before or after."""
    yield Caller(machine, token)
    if machine.place.cli("delete", "iris").returncode == 0:
        run(machine.place, "wait", "iris", "--for", "deleted")


def unit(name: str, kind: str, *children: Json, transport: str = "REST") -> Json:
    """A node of a graph."""
    return {"name": name, "type": kind, "children": [*children], "endpoint": {"type": transport}}


def theirs(name: str, of_class: str, kind: str) -> Json:
    """A container that starts Seldon Core's own wrapper."""
    command = [str(THEIRS), f"theirs.{of_class}", "--service-type", kind]
    return container(name, THEIR_IMAGE, command=command)


def mlservers(name: str) -> Json:
    """A container that starts MLServer, which names its model by the variable that Seldon Core sets."""
    probe = {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "periodSeconds": 1}
    variables = [{"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "model.Tripler"},
                 {"name": "MLSERVER_PARALLEL_WORKERS", "value": "0"}]  # fmt: skip
    command = [str(MLSERVER_COMMAND), "start", "."]
    return container(name, V2_IMAGE, command=command, env=variables, readinessProbe=probe)


def deploy(caller: Caller, graph: Json, *containers: Json, **spec: Any) -> None:
    apply(caller.machine.place, manifest(predictor(graph=graph, containers=[*containers]), **spec))


# -- Seldon Core's wrapper --------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_model_of_seldon_cores_wrapper_answers_behind_our_own_transformer(
    caller: Caller, transport: str
) -> None:
    graph = unit("own", "TRANSFORMER", unit("tripler", "MODEL", transport=transport))
    deploy(caller, graph, container("own", OUR_IMAGE), theirs("tripler", "Tripler", "MODEL"))
    status, answer = caller.predict(4.0)
    assert (status, answer["data"]["ndarray"]) == (200, [[15.0]])
    meta = answer["meta"]
    assert meta["tags"]["who"] == "tripler"
    assert [(each["key"], each["value"]) for each in meta["metrics"]] == [("tripled", 1)]
    assert [*meta["requestPath"]] == ["own", "tripler"]


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_every_kind_of_unit_of_seldon_cores_wrapper_does_its_part(caller: Caller, transport: str) -> None:
    models = [unit(name, "MODEL", transport=transport) for name in ("left", "right")]
    combined = unit("mean", "COMBINER", *models, transport=transport)
    router = unit(
        "switch", "ROUTER", unit("own", "MODEL", transport=transport), combined, transport=transport
    )
    deploy(
        caller,
        unit("adder", "TRANSFORMER", router, transport=transport),
        theirs("adder", "Adder", "TRANSFORMER"),
        theirs("switch", "Switch", "ROUTER"),
        theirs("mean", "Mean", "COMBINER"),
        theirs("left", "Tripler", "MODEL"),
        theirs("right", "Tripler", "MODEL"),
        container("own", OUR_IMAGE),
    )
    status, small = caller.predict(4.0)
    assert (status, small["data"]["ndarray"], small["meta"]["routing"]["switch"]) == (200, [[10.0]], 0)
    status, large = caller.predict(20.0)
    assert (status, large["data"]["ndarray"], large["meta"]["routing"]["switch"]) == (200, [[63.0]], 1)
    assert large["meta"]["tags"]["adder"] == "yes"
    feedback = {"request": {"data": {"ndarray": [[20.0]]}}, "response": large, "reward": 0.5}
    assert caller.post("api/v1.0/feedback", feedback)[0] == 200
    assert wait_until(lambda: "switch 1 rewarded 0.5" in log_of(caller, "switch"), 10)
    assert all("rewarded 0.5" in log_of(caller, name) for name in ("left", "right"))


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_refusal_of_seldon_cores_wrapper_reaches_the_caller(caller: Caller, transport: str) -> None:
    graph = unit("refuser", "MODEL", transport=transport)
    deploy(caller, graph, theirs("refuser", "Refuser", "MODEL"))
    status, answer = caller.predict(1.0)
    assert status >= 400
    assert answer["status"]["status"] in ("FAILURE", 1)
    assert "no such iris" in answer["status"]["info"]
    assert "Traceback" not in json.dumps(answer)


def test_units_of_both_wrappers_over_both_transports_in_one_graph(caller: Caller) -> None:
    graph = unit(
        "mean", "COMBINER",
        unit("rest", "MODEL"), unit("grpc", "MODEL", transport="GRPC"), unit("own", "MODEL"),
        transport="GRPC",
    )  # fmt: skip
    deploy(
        caller,
        graph,
        theirs("mean", "Mean", "COMBINER"),
        theirs("rest", "Tripler", "MODEL"),
        theirs("grpc", "Tripler", "MODEL"),
        container("own", OUR_IMAGE),
    )
    status, answer = caller.predict(3.0)
    assert (status, answer["data"]["ndarray"]) == (200, [[8.0]])


def test_class_that_imports_seldon_core_is_served_as_a_bundle(caller: Caller) -> None:
    deploy(caller, unit("tripler", "MODEL"), container("tripler", THEIR_IMAGE))
    status, answer = caller.predict(2.0)
    assert (status, answer["data"]["ndarray"], answer["meta"]["tags"]["who"]) == (200, [[6.0]], "tripler")


# -- MLServer -----------------------------------------------------------------------------------------


def test_mlserver_answers_alone_and_behind_a_unit_of_ours(caller: Caller) -> None:
    deploy(caller, unit("model", "MODEL"), mlservers("model"), protocol="v2")
    status, answer = caller.infer(1.0, 2.0)
    assert (status, answer["id"], answer["outputs"][0]["data"]) == (200, "call-1", [3.0, 6.0])
    graph = unit("own", "MODEL", unit("model", "MODEL"))
    deploy(caller, graph, container("own", OUR_IMAGE), mlservers("model"), protocol="v2")
    status, answer = caller.post("v2/models/own/infer", {"inputs": [tensor(1.0, 2.0)]})
    assert (status, answer["outputs"][0]["data"]) == (200, [6.0, 12.0])


def test_what_mlserver_refuses_is_told_in_v2s_form(caller: Caller) -> None:
    deploy(caller, unit("model", "MODEL"), mlservers("model"), protocol="v2")
    status, answer = caller.post("v2/models/model/infer", {"inputs": [tensor(1.0) | {"datatype": "FP65"}]})
    assert 400 <= status < 600
    assert "FP65" in answer["error"] or "datatype" in answer["error"]
    assert "Traceback" not in answer["error"]


def tensor(*values: float) -> Json:
    return {"name": "x", "datatype": "FP64", "shape": [1, len(values)], "data": [*values]}


def log_of(caller: Caller, name: str) -> str:
    """All that a unit's process wrote."""
    units = described(caller.machine.place)["status"]["units"]
    found = next(each for each in units if each["name"] == name)
    return Path(found["processes"][-1]["log"]).read_text()
