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

    def status_of(self, path: str) -> int:
        """The status that a GET is answered with."""
        connection = http.client.HTTPConnection(urlsplit(self.machine.url).netloc, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            connection.request("GET", f"/seldon/acme/iris/{path}", headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def predict(self, *row: float) -> tuple[int, Any]:
        """The answer to one row, as Seldon Core's API has it."""
        return self.post("api/v1.0/predictions", {"data": {"names": ["a"], "ndarray": [[*row]]}})

    def infer(self, model: str, *values: float) -> tuple[int, Any]:
        """The answer to one tensor, as v2 has it."""
        return self.post(f"v2/models/{model}infer", {"id": "call-1", "inputs": [tensor(*values)]})


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
    variables = [{"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "model.Tripler"},
                 {"name": "MLSERVER_PARALLEL_WORKERS", "value": "0"}]  # fmt: skip
    command = [str(MLSERVER_COMMAND), "start", "."]
    return container(name, V2_IMAGE, command=command, env=variables)


def deploy(caller: Caller, graph: Json, *containers: Json, **spec: Any) -> None:
    apply(caller.machine.place, manifest(predictor(graph=graph, containers=[*containers]), **spec))
    # The workers hear of it within a second.
    path = "v2/health/ready" if spec.get("protocol") == "v2" else "api/v1.0/health/status"
    assert wait_until(lambda: caller.status_of(path) == 200, 10)


# -- Seldon Core's wrapper --------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_model_of_seldon_cores_wrapper_answers_behind_our_own_transformer(
    caller: Caller, transport: str
) -> None:
    graph = unit("own", "TRANSFORMER", unit("tripler", "MODEL", transport=transport), transport=transport)
    deploy(caller, graph, container("own", OUR_IMAGE), theirs("tripler", "Tripler", "MODEL"))
    answered = caller.predict(4.0)
    assert rows_of(answered) == [[15.0]]
    meta = answered[1]["meta"]
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
    small = caller.predict(4.0)
    assert (rows_of(small), small[1]["meta"]["routing"]["switch"]) == ([[10.0]], 0)
    answered = caller.predict(20.0)
    large = answered[1]
    assert (rows_of(answered), large["meta"]["routing"]["switch"]) == ([[63.0]], 1)
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
    # Over gRPC their exception has no words that leave its process.
    said = {"REST": "no such iris", "GRPC": "Unit iris/refuser: Exception calling application"}[transport]
    assert said in answer["status"]["info"]
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_units_of_both_wrappers_are_combined(caller: Caller, transport: str) -> None:
    models = [unit(name, "MODEL", transport=transport) for name in ("tripler", "own")]
    deploy(
        caller,
        unit("mean", "COMBINER", *models, transport=transport),
        theirs("mean", "Mean", "COMBINER"),
        theirs("tripler", "Tripler", "MODEL"),
        container("own", OUR_IMAGE),
    )
    assert rows_of(caller.predict(2.0)) == [[5.0]]


def test_class_that_imports_seldon_core_is_served_as_a_bundle(caller: Caller) -> None:
    deploy(caller, unit("tripler", "MODEL"), container("tripler", THEIR_IMAGE))
    answered = caller.predict(2.0)
    assert (rows_of(answered), answered[1]["meta"]["tags"]["who"]) == ([[6.0]], "tripler")


# -- MLServer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_mlserver_answers_alone(caller: Caller, transport: str) -> None:
    deploy(caller, unit("model", "MODEL", transport=transport), mlservers("model"), protocol="v2")
    status, answer = caller.infer("model/", 1.0, 2.0)
    assert (status, answer.get("id"), values_of(answer)) == (200, "call-1", [3.0, 6.0]), answer


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_mlserver_answers_behind_a_unit_of_ours(caller: Caller, transport: str) -> None:
    graph = unit("own", "MODEL", unit("model", "MODEL", transport=transport), transport=transport)
    deploy(caller, graph, container("own", OUR_IMAGE), mlservers("model"), protocol="v2")
    # Without a model's name in the path each unit is called by its own.
    status, answer = caller.infer("", 1.0, 2.0)
    assert (status, values_of(answer)) == (200, [6.0, 12.0]), answer


@pytest.mark.parametrize("transport", ["REST", "GRPC"])
def test_what_mlserver_refuses_is_told_in_its_words(caller: Caller, transport: str) -> None:
    deploy(caller, unit("model", "MODEL", transport=transport), mlservers("model"), protocol="v2")
    status, answer = caller.post("v2/models/model/infer", {"inputs": [tensor(1.0) | {"datatype": "FP65"}]})
    assert 400 <= status < 500, answer
    assert "FP65" in json.dumps(answer) or "datatype" in json.dumps(answer)
    assert "Traceback" not in json.dumps(answer)


def rows_of(answered: tuple[int, Any]) -> Any:
    """The rows of an answer of Seldon Core's API; fails with what was said instead."""
    status, answer = answered
    assert status == 200, answer
    return answer["data"]["ndarray"]


def values_of(answer: Any) -> Any:
    """The values of an answer of v2; None without any."""
    return answer["outputs"][0]["data"] if "outputs" in answer else None


def tensor(*values: float) -> Json:
    return {"name": "x", "datatype": "FP64", "shape": [1, len(values)], "data": [*values]}


def log_of(caller: Caller, name: str) -> str:
    """All that a unit's process wrote."""
    units = described(caller.machine.place)["status"]["units"]
    found = next(each for each in units if each["name"] == name)
    return Path(found["processes"][-1]["log"]).read_text()
