"""Bad manifests, bad messages and bad classes on a whole machine: a clear error, and nothing else is lost."""

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
from tests.deploy.bundles.sources import make_source
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys import bad_classes as bad
from tests.journeys.deployed import apply, described, run, token_of
from tests.journeys.machines import Installation, Place, new_place

IMAGE: Final = "company/mischief:1"
Json = dict[str, Any]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@dataclass
class Answer:
    """What a caller gets."""

    status: int
    text: str

    @property
    def message(self) -> Any:
        """The JSON."""
        return json.loads(self.text)

    def check_clear(self) -> None:
        """JSON that says why, with an exception's own words at most, and nothing of the code behind it."""
        assert 400 <= self.status < 600, self.text
        told = self.message
        said = told["error"] if "error" in told else told["status"]["info"] + told["status"]["reason"]
        assert said
        for secret in ("Traceback", 'File "', ".py"):
            assert secret not in self.text


@dataclass
class Caller:
    """Asks the deployments of acme, each call on a connection of its own."""

    machine: Installation
    token: str

    def post(self, path: str, body: bytes | str, kind: str = "application/json") -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.machine.url).netloc, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            connection.close()

    def predict(self, body: bytes | str) -> Answer:
        return self.post("/seldon/acme/iris/api/v1.0/predictions", body)

    def ask_for(self, what: int) -> Answer:
        """One row, whose number says what the class shall do."""
        return self.predict(json.dumps({"data": {"ndarray": [[what]]}}))

    def is_served(self) -> bool:
        """Whether a good call is answered."""
        answer = self.ask_for(0)
        return answer.status == 200 and answer.message["data"]["ndarray"] == [[0.0]]


def build(place: Place, image: str, text: str) -> None:
    folder = make_source(
        place.folder / image.replace("/", "_"), text, "MODEL_NAME=Mischief\nSERVICE_TYPE=MODEL\n"
    )
    (folder / "Doubler.py").rename(folder / "Mischief.py")
    run(place, "build", str(folder), image)


def of(image: str = IMAGE, **fields: Any) -> Json:
    annotations = {"seldon.io/rest-timeout": "2000"}
    made = manifest(predictor(containers=[container("classifier", image, **fields)]))
    return made | {"spec": made["spec"] | {"annotations": annotations}}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), SELDON_WORKERS="1", RUN_WORKERS="0") as place:
        place.migrate()
        build(place, IMAGE, bad.MISCHIEF)
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def caller(machine: Installation) -> Caller:
    made = Caller(machine, token_of(machine.place, machine.url))
    apply(machine.place, of())
    return made


@pytest.fixture
def place(machine: Installation) -> Place:
    return machine.place


@pytest.fixture
def served(caller: Caller) -> Iterator[Caller]:
    """A caller whose deployment answers before the test and after it."""
    assert wait_until(caller.is_served, 40)
    yield caller
    assert wait_until(caller.is_served, 40)


# -- manifests ----------------------------------------------------------------------------------------


def chain(depth: int) -> Json:
    """A graph of so many units below each other."""
    graph: Json = {"name": f"u{depth}", "implementation": "SIMPLE_MODEL"}
    for number in range(depth - 1, 0, -1):
        graph = {"name": f"u{number}", "implementation": "SIMPLE_MODEL", "children": [graph]}
    return graph


def wide(count: int) -> Json:
    """A graph of a combiner and so many children."""
    children = [{"name": f"u{number}", "implementation": "SIMPLE_MODEL"} for number in range(count)]
    return {"name": "mean", "implementation": "AVERAGE_COMBINER", "children": children}


CYCLE = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: cycle}
spec:
  predictors:
  - name: main
    graph: &again
      name: a
      type: MODEL
      children: [*again]
"""
OWN_CHILD = {"name": "a", "children": [{"name": "b", "children": [{"name": "a"}]}]}
TWO = [container("a", IMAGE), container("b", IMAGE)]
BAD_MANIFESTS: Final = {
    "cycle": (CYCLE, "contains itself"),
    "own child": (
        manifest(predictor(graph=OWN_CHILD, containers=TWO), name="cycle"),
        "two units are called 'a'",
    ),
    "1001 units": (
        manifest(predictor(graph=wide(1000), containers=[]), name="many"),
        "has 1001 units, and may have 1000",
    ),
    "slash in the name": (manifest(name="a/b"), "RFC 1123 subdomain"),
    "way out of the folder": (manifest(name="../../etc"), "RFC 1123 subdomain"),
    "slash in the predictor": (manifest(predictor("a/b")), "contain a slash"),
    "slash in a unit": (
        manifest(predictor(graph={"name": "a/b"}, containers=[container("a/b", IMAGE)]), name="slash"),
        "contain a slash",
    ),
    "too deep": (manifest(predictor(graph=chain(101), containers=[]), name="deep"), "and may be 100"),
}


@pytest.mark.parametrize("case", [*BAD_MANIFESTS])
def test_manifest_that_cannot_be_is_refused_in_words_and_nothing_is_kept(
    served: Caller, place: Place, case: str
) -> None:
    document, words = BAD_MANIFESTS[case]
    file = place.folder / "bad.yaml"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    done = place.cli("apply", "-f", str(file))
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert [row["metadata"]["name"] for row in deployments(place)] == ["iris"]


def deployments(place: Place) -> list[Json]:
    """What there is."""
    found = json.loads(run(place, "get", "-o", "json"))
    return list(found["items"]) if found.get("kind") == "List" else [found]


@pytest.mark.parametrize(("name", "graph"), [("many", wide(999)), ("deep", chain(100))])
def test_large_and_deep_graphs_are_served(served: Caller, place: Place, name: str, graph: Json) -> None:
    apply(place, manifest(predictor(graph=graph, containers=[]), name=name))
    answer = served.post(f"/seldon/acme/{name}/api/v1.0/predictions", '{"data": {"ndarray": [[1.0]]}}')
    assert answer.status == 200
    run(place, "delete", name)


def test_another_clients_deployment_is_not_found(served: Caller, place: Place) -> None:
    run(place, "client", "setup", "globex")
    assert place.cli("get", "iris", "-n", "globex").returncode == 1
    for path in ("/seldon/globex/iris/api/v1.0/predictions", "/seldon/globex/nothing/api/v1.0/predictions"):
        answer = served.post(path, '{"data": {"ndarray": [[1.0]]}}')
        assert answer.status in (403, 404)
        answer.check_clear()
    # So that commands need not say again whose things they mean.
    run(place, "client", "disable", "globex")


# -- messages -----------------------------------------------------------------------------------------

BAD_MESSAGES: Final = {
    "nan": b'{"data": {"ndarray": [[NaN]]}}',
    "infinity": b'{"data": {"tensor": {"shape": [1, 1], "values": [Infinity]}}}',
    "ragged tensor": b'{"data": {"tensor": {"shape": [2, 2], "values": [1, 2, 3]}}}',
    "negative shape": b'{"data": {"tensor": {"shape": [-2, -2], "values": [1, 2, 3, 4]}}}',
    "huge shape": b'{"data": {"tensor": {"shape": [9999999999, 9999999999], "values": [1]}}}',
    "no base64": b'{"binData": "%%% not base64 %%%"}',
    "data of no form": b'{"data": {"ndarray": "x"}}',
    "cut": b'{"data": {"ndarray": [[1.0',
    "a list": b"[1, 2]",
    "empty": b"",
    "deep": b'{"data": {"ndarray": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "no text": b'\xff\xfe{"data": 1}',
}


@pytest.mark.parametrize("case", [*BAD_MESSAGES])
def test_message_that_cannot_be_read_is_refused_in_words(served: Caller, case: str) -> None:
    answer = served.predict(BAD_MESSAGES[case])
    assert answer.status == 400, answer.text
    answer.check_clear()


@pytest.mark.parametrize(
    "body", [b'{"data": {"ndarray": []}}', b'{"data": {"tensor": {"shape": [0, 3], "values": []}}}']
)
def test_no_rows_are_answered_with_no_rows(served: Caller, body: bytes) -> None:
    answer = served.predict(body)
    assert answer.status == 200, answer.text
    data = answer.message["data"]
    assert data.get("ndarray", data.get("tensor", {}).get("values", [])) == []


def test_ragged_rows_are_answered_or_refused_in_words(served: Caller) -> None:
    answer = served.predict(b'{"data": {"ndarray": [[1, 2], [3]]}}')
    assert answer.status in (200, 400)
    if answer.status == 400:
        answer.check_clear()


def test_body_of_100_megabytes_is_refused_and_the_next_one_is_answered(served: Caller) -> None:
    answer = served.predict(b'{"data": {"ndarray": [[' + b"1.0," * (25 * 2**20) + b"1.0]]}}")
    assert answer.status == 413
    answer.check_clear()


def test_feedback_for_a_puid_never_seen_reaches_the_graph_and_breaks_nothing(served: Caller) -> None:
    response = {"meta": {"puid": "nobody-ever-saw-it", "routing": {}}}
    answer = served.post(
        "/seldon/acme/iris/api/v1.0/feedback", json.dumps({"response": response, "reward": 1.0})
    )
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    "feedback",
    [
        {"response": {"meta": {"routing": {"classifier": 99}}}, "reward": 1},
        {"response": {"meta": {"routing": "x"}}, "reward": 1},
        {"response": {"meta": {"puid": "p"}}, "reward": "much"},
    ],
    ids=["branch", "routing", "reward"],
)
def test_feedback_that_cannot_be_is_refused_or_passed_on_in_words(served: Caller, feedback: Json) -> None:
    answer = served.post("/seldon/acme/iris/api/v1.0/feedback", json.dumps(feedback))
    assert answer.status < 500, answer.text
    if answer.status >= 400:
        answer.check_clear()


# -- classes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status"), [(bad.RAISES, 500), (bad.NONE, 500), (bad.NO_DATA, 500), (bad.NAN, 500)]
)
def test_hook_that_fails_is_told_in_words_and_the_next_call_is_answered(
    served: Caller, what: int, status: int
) -> None:
    answer = served.ask_for(what)
    assert answer.status in (status, 502), answer.text
    answer.check_clear()
    assert served.is_served()


def test_hook_that_blocks_for_ever_is_given_up_and_its_worker_replaced(served: Caller) -> None:
    answer = served.ask_for(bad.BLOCKS)
    assert answer.status in (503, 504), answer.text
    answer.check_clear()
    assert wait_until(served.is_served, 20)


def test_hook_that_ends_its_process_is_told_and_comes_back(served: Caller) -> None:
    answer = served.ask_for(bad.EXITS)
    answer.check_clear()
    assert wait_until(served.is_served, 20)


def test_gigabyte_that_a_hook_prints_is_kept_to_its_size(served: Caller, place: Place) -> None:
    answer = served.ask_for(bad.PRINTS)
    assert answer.status in (200, 503, 504)
    (unit,) = described(place)["status"]["units"]
    log = Path(unit["processes"][-1]["log"])
    both = (log, log.with_name(f"{log.name}.1"))
    assert wait_until(lambda: sum(each.stat().st_size for each in both if each.exists()) <= 22 * 2**20, 60)
    assert wait_until(served.is_served, 20)
    assert len(run(place, "logs", "iris", "--tail", "5").splitlines()) <= 5


def test_leak_over_the_limit_starts_the_process_again(served: Caller, place: Place) -> None:
    apply(place, of(resources={"limits": {"memory": "200Mi"}}))
    assert wait_until(served.is_served, 40)
    served.ask_for(bad.LEAKS)
    assert wait_until(lambda: restarts(place) >= 1, 40)
    assert wait_until(served.is_served, 40)
    said = json.dumps(described(place)["status"])
    assert "its limit is 200 MiB" in said
    apply(place, of())


@pytest.mark.parametrize(
    ("image", "text", "words"),
    [
        ("company/syntax:1", bad.SYNTAX_ERROR, "Mischief.py"),
        ("company/missing:1", bad.MISSING_MODULE, "nothing_of_that_name"),
    ],
)
def test_class_that_cannot_be_loaded_is_told_while_the_old_one_serves(
    served: Caller, place: Place, image: str, text: str, words: str
) -> None:
    build(place, image, text)
    apply(place, of(image), waits=False)
    assert wait_until(lambda: words in run(place, "describe", "iris"), 40)
    assert served.is_served()
    run(place, "rollback", "iris")
    run(place, "wait", "iris")


def restarts(place: Place) -> int:
    """How often the unit's processes were started again."""
    units = described(place)["status"]["units"]
    return sum(process["restarts"] for unit in units for process in unit["processes"])
