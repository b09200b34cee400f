"""`seldon-cli apply`, `get`, `diff` …: what they read, print and refuse."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import main
from clients.services import NewClient
from deploy import services
from deploy.models import SeldonDeployment
from stores.config import use_store
from stores.config.memory import MemoryConfigStore
from tests.deploy.graph_traffic import add_calls
from tests.deploy.manifested import container, manifest, predictor
from tests.factories import TESTER

Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], acme: NewClient) -> Iterator[Run]:
    def call(*words: str) -> tuple[int, str, str]:
        code = main.run(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    with use_store(MemoryConfigStore()):
        yield call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "iris.yaml"
    path.write_text(yaml.safe_dump(manifest()))
    return path


@pytest.fixture
def applied(run: Run, file: Path) -> Run:
    assert run("apply", "-f", str(file))[0] == 0
    return run


@contextmanager
def serving_text(text: str) -> Iterator[str]:
    """A server whose `/` is `text`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def row(client: NewClient) -> SeldonDeployment:
    return services.get_deployment(client=client.client, name="iris")


def names(client: NewClient) -> list[str]:
    return [each.name for each in SeldonDeployment.objects.for_client(client.client)]


def test_only_client_needs_no_namespace(run: Run, file: Path) -> None:
    assert run("apply", "-f", str(file)) == (0, "seldondeployment/iris created  (client acme)\n", "")
    assert run("apply", "-f", str(file))[1] == "seldondeployment/iris unchanged  (client acme)\n"


def test_among_several_clients_one_is_to_be_named(run: Run, file: Path, globex: NewClient) -> None:
    code, _, said = run("apply", "-f", str(file))
    assert (code, "say whose: -n CLIENT" in said) == (1, True)
    assert run("apply", "-f", str(file), "-n", "globex")[0] == 0
    assert names(globex) == ["iris"]


def test_namespace_of_the_manifest_counts_and_contradicts(
    run: Run, tmp_path: Path, acme: NewClient, globex: NewClient
) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(manifest(namespace="globex")))
    assert run("apply", "-f", str(path), "-n", "acme")[0] == 1
    assert run("apply", "-f", str(path))[0] == 0
    assert (names(acme), names(globex)) == ([], ["iris"])


def test_namespace_of_nobody_is_not_found(run: Run, file: Path) -> None:
    code, _, said = run("apply", "-f", str(file), "-n", "nobody")
    assert (code, "nobody" in said) == (1, True)


def test_folder_and_standard_input_are_read(
    run: Run, file: Path, acme: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "more").mkdir()
    (file.parent / "more" / "b.json").write_text(json.dumps(manifest(name="inner")))
    assert run("apply", "-f", str(file.parent))[0] == 0
    assert names(acme) == ["iris"]
    assert run("apply", "-R", "-f", str(file.parent))[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(manifest(name="piped"))))
    assert run("apply", "-f", "-")[0] == 0
    assert names(acme) == ["inner", "iris", "piped"]


def test_address_is_fetched(run: Run, acme: NewClient) -> None:
    with serving_text(yaml.safe_dump(manifest())) as url:
        assert run("apply", "-f", f"{url}/")[0] == 0
        code, _, said = run("apply", "-f", f"{url}/nothing")
    assert (code, "cannot be fetched" in said) == (1, True)
    assert names(acme) == ["iris"]


def test_one_bad_manifest_keeps_all_from_being_applied(run: Run, file: Path, acme: NewClient) -> None:
    bad = manifest(predictor("a", containers=[]), predictor("a", containers=[]), name="bad")
    (file.parent / "z.yaml").write_text(yaml.safe_dump(bad))
    code, _, said = run("apply", "-f", str(file.parent))
    assert (code, names(acme)) == (1, [])
    assert said.count("\n- ") >= 2


def test_dry_run_warns_and_changes_nothing(run: Run, file: Path, acme: NewClient) -> None:
    file.write_text(yaml.safe_dump(manifest(trafic=3)))
    code, out, said = run("apply", "--dry-run", "-f", str(file))
    assert (code, out) == (0, "seldondeployment/iris created (dry run)  (client acme)\n")
    assert "trafic" in said
    assert names(acme) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply",), "name manifests with -f"),
        (("apply", "-f", "/nothing/there.yaml"), "cannot be read"),
        (("delete",), "name deployments"),
        (("wait", "iris", "--for", "friday"), "condition=ready"),
    ],
)
def test_wrong_usage_says_what_is_right(run: Run, words: tuple[str, ...], said: str) -> None:
    code, _, error = run(*words)
    assert code in (1, 2)
    assert said in error


def test_output_is_a_manifest_that_can_be_applied_again(applied: Run, tmp_path: Path) -> None:
    text = applied("get", "iris", "-o", "yaml")[1]
    assert yaml.safe_load(text)["metadata"]["namespace"] == "acme"
    (tmp_path / "again.yaml").write_text(text)
    assert "unchanged" in applied("apply", "-f", str(tmp_path / "again.yaml"))[1]
    assert json.loads(applied("get", "iris", "-o", "json")[1])["kind"] == "SeldonDeployment"


@pytest.mark.parametrize("words", [("iris",), ("sdep", "iris"), ("sdep/iris",), ("seldondeployments",), ()])
def test_kubectls_words_name_the_same(applied: Run, words: tuple[str, ...]) -> None:
    code, out, said = applied("get", *words)
    assert (code, "iris" in out) == (0, True)
    assert "seldon-cli serve" in said


def test_deployment_of_another_client_is_not_found(applied: Run, globex: NewClient) -> None:
    for words in (
        ("get", "iris"),
        ("describe", "iris"),
        ("delete", "iris"),
        ("scale", "iris", "--replicas", "1"),
    ):
        assert applied(*words, "-n", "globex")[0] == 1
    assert "iris" in applied("get", "-A")[1]


def test_description_shows_graph_problem_and_history(applied: Run, acme: NewClient) -> None:
    process = {
        "name": "acme/iris/main/classifier/0", "state": "crashing", "pid": None, "restarts": 4, "endpoint": "http://x",
        "reason": "ended with exit code 1", "last_lines": ["ModuleNotFoundError: x"], "log": "/nothing",
    }  # fmt: skip
    unit: dict[str, Any] = {
        "predictor": "main", "name": "classifier", "image": "a:1", "replicas": 1, "ready": 0, "problem": "",
        "processes": [process],
    }  # fmt: skip
    back = {**process, "state": "ready", "reason": "", "last_end": "it used 9 MiB", "last_lines": []}
    unit["processes"].append(back)
    services.note_status(row(acme), {"state": "Creating", "observedGeneration": 1, "units": [unit]})
    out = applied("describe", "iris")[1]
    told = "started again after: it used 9 MiB"
    for words in ("classifier  MODEL", "0/1", "exit code 1", "| ModuleNotFoundError: x", "applied", told):
        assert words in out


def test_description_tells_figures_to_people_and_machines(applied: Run, acme: NewClient) -> None:
    add_calls(acme, routes={"classifier": {"0": 3}})
    people = applied("describe", "iris")[1]
    assert "Calls in the last 60 minutes" in people
    lines = [line.split() for line in people.splitlines()]
    assert ["main/classifier", "10", "1"] in [words[:3] for words in lines]
    (main,) = json.loads(applied("describe", "iris", "-o", "json")[1])["figures"]["predictors"]
    assert (main["calls"], main["failed"], main["units"][0]["name"]) == (10, 1, "classifier")
    (document,) = yaml.safe_load_all(applied("describe", "iris", "-o", "yaml")[1])
    assert (document["figures"]["minutes"], document["history"][0]["generation"]) == (60, 1)


def test_changes_are_told_with_their_generation(applied: Run, file: Path) -> None:
    assert (
        applied("scale", "iris", "--replicas", "2")[1] == "seldondeployment/iris configured  (generation 2)\n"
    )
    assert applied("rollback", "iris")[1] == "seldondeployment/iris configured  (generation 3)\n"
    assert applied("promote", "iris", "nobody")[0] == 1
    assert applied("delete", "-f", str(file))[1] == "seldondeployment/iris deleted  (client acme)\n"


def test_diff_leaves_with_1_when_something_would_change(applied: Run, file: Path) -> None:
    assert applied("diff", "-f", str(file))[:2] == (0, "")
    file.write_text(yaml.safe_dump(manifest(predictor(containers=[container("classifier", "b:2")]))))
    code, out, _ = applied("diff", "-f", str(file))
    assert code == 1
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("+ ")] == ["b:2"]


def test_waiting_ends_with_the_reason(applied: Run, acme: NewClient) -> None:
    status: dict[str, Any] = {"state": "Failed", "description": "there is no bundle", "observedGeneration": 1}
    services.note_status(row(acme), status)
    code, _, said = applied("wait", "iris", "--timeout", "0.1")
    assert (code, "iris is Failed after 0.1 s: there is no bundle" in said) == (1, True)
    services.note_status(row(acme), status | {"state": "Available", "servedGeneration": 1})
    assert applied("wait", "iris", "--timeout", "1m")[0] == 0
    assert applied("wait", "iris", "--timeout", "soon")[0] == 2


def test_long_description_is_whole_in_wide_lists_alone(applied: Run, acme: NewClient) -> None:
    words = "this is a long word of warning " * 8
    services.note_status(row(acme), {"state": "Available", "description": words.strip(), "units": []})
    short, wide = applied("get")[1], applied("get", "-o", "wide")[1]
    assert (words.strip() in wide, words.strip() in short) == (True, False)
    assert max(map(len, short.splitlines())) < 180


def test_logs_are_the_last_lines_of_each_process(applied: Run, acme: NewClient, tmp_path: Path) -> None:
    assert applied("logs", "iris")[0] == 1
    processes = []
    for slot in (0, 1):
        log = tmp_path / f"{slot}.log"
        log.write_text(f"first\nlast of {slot}\n")
        processes.append({"name": f"acme/iris/main/classifier/{slot}", "log": str(log)})
    unit = {"predictor": "main", "name": "classifier", "ready": 0, "replicas": 2, "processes": processes}
    services.note_status(row(acme), {"units": [unit]})
    assert applied("logs", "iris", "--tail", "1")[1].splitlines() == [
        "main/classifier/0  last of 0", "main/classifier/1  last of 1",
    ]  # fmt: skip


def test_followed_log_goes_on_until_the_deployment_is_deleted(
    applied: Run, acme: NewClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    process = {"name": "acme/iris/main/classifier/0", "log": str(log)}
    unit = {"predictor": "main", "name": "classifier", "ready": 0, "replicas": 1, "processes": [process]}
    services.note_status(row(acme), {"units": [unit]})
    writes = iter(["one\n", "two\n"])

    def write_or_delete(_: float) -> None:
        text = next(writes, "")
        if not text:
            services.delete_deployment(client=acme.client, name="iris", by=TESTER)
        with log.open("a") as opened:
            opened.write(text)

    monkeypatch.setattr("time.sleep", write_or_delete)
    code, out, said = applied("logs", "iris", "-f")
    assert (code, out.splitlines()) == (1, ["before", "one", "two"])
    assert "no deployment" in said
