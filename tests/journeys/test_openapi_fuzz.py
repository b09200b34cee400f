"""schemathesis over the whole OpenAPI document against a running worker: no 5xx, nothing undocumented."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings

from deploy.waiting import answers, wait_until
from tests.processes import migrated_surroundings

ROOT = Path(__file__).parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)

pytestmark = pytest.mark.slow


class Machine(NamedTuple):
    """A worker and two clients of it."""

    url: str
    environment: dict[str, str]
    acme: dict[str, Any]
    globex: dict[str, Any]

    def cli(self, *words: str) -> Any:
        return run_cli(self.environment, *words)


def run_cli(environment: dict[str, str], *words: str) -> Any:
    command = [sys.executable, "-m", "cli.main", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout) if "--json" in words else done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        migrated_surroundings(folder, settings.DATABASE_URL) as surroundings,
        furnished_machine({**surroundings, "SELDON_WORKERS": "1"}) as made,
    ):
        yield made


@contextmanager
def furnished_machine(environment: dict[str, str]) -> Iterator[Machine]:
    """A worker with two clients, one of them with a model."""
    acme = run_cli(environment, "client", "setup", "acme", "--json")
    globex = run_cli(environment, "client", "setup", "globex", "--json")
    with socket.create_server(("127.0.0.1", 0)) as listening, running_model() as model_url:
        run_cli(environment, "microservice", "add", "--client", "acme", "fuzz", model_url)
        strategy = json.dumps({"algorithms": [{"microservice": "fuzz"}]})
        run_cli(environment, "config", "set", "/all_clients/acme/predict_algs", strategy)
        descriptor = listening.fileno()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        worker = [sys.executable, "-m", "seldon_api.worker", str(descriptor)]
        with running(worker, f"{url}/readyz", env=environment, pass_fds=[descriptor]):
            yield Machine(url, environment, acme, globex)


@contextmanager
def running_model() -> Iterator[str]:
    """A microservice with an answer for everything; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    model = "tests/journeys/fuzz_model.py:FuzzModel"
    command = [sys.executable, "-m", "microservice.main", model, "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}/health/status"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str], health_url: str, **options: Any) -> Iterator[None]:
    """A process that answers at `health_url`, ended afterwards."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        assert wait_until(lambda: answers(health_url), 60), f"{health_url} never became ready"
        yield
    finally:
        process.terminate()
        process.wait(30)


def basic_of(made: dict[str, Any], key: str = "consumer_key", secret: str = "consumer_secret") -> str:
    return base64.b64encode(f"{made[key]}:{made[secret]}".encode()).decode()


def fetch_token(url: str, basic: str) -> str:
    headers = {"Authorization": f"Basic {basic}"}
    request = urllib.request.Request(f"{url}/o/token/", b"grant_type=client_credentials", headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.loads(answer.read())["access_token"])


def may_manage(url: str, token: str) -> bool:
    request = urllib.request.Request(f"{url}/manage/clients", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(answer.status == 200)


def fuzz(machine: Machine, client: dict[str, Any], token: str, seed: int, *options: str) -> str:
    """What schemathesis tells; fails with it when a call was answered otherwise than documented."""
    surroundings = {
        **machine.environment,
        "SCHEMATHESIS_HOOKS": "tests.journeys.openapi_hooks",
        "PYTHONPATH": str(ROOT),
        "FUZZ_CLIENT": client["client"],
        "FUZZ_JS_KEY": client["js_key"],
        "FUZZ_KEY": client["consumer_key"],
        "FUZZ_BASIC": basic_of(client),
        "FUZZ_SEED": str(seed),
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{machine.url}/schema?format=json"),
        *("--url", machine.url, "--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS), "--seed", str(seed), "--suppress-health-check", "all"),
        *("--continue-on-failure", "--no-color", "--generation-database", "none", *options),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=3000, check=False
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    # Had the run ended its own token, all that came after would have been refusals.
    assert may_manage(machine.url, token)
    return done.stdout


@pytest.fixture
def amount(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """How much is tried: `make fuzz` asks for more calls, and for every boundary of every parameter."""
    examples = int(pytestconfig.getoption("--fuzz-examples"))
    phases = "examples,fuzzing" if examples < 50 else "examples,coverage,fuzzing"
    return ("--max-examples", str(examples), "--phases", phases)


@pytest.mark.timeout(3600)
def test_no_call_of_a_client_is_answered_otherwise_than_documented(
    machine: Machine, amount: tuple[str, ...]
) -> None:
    token = fetch_token(machine.url, basic_of(machine.acme))
    told = fuzz(machine, machine.acme, token, 20261121, *amount)
    tested = re.search(r"Tested: (\d+)", told)
    assert tested is not None
    assert int(tested[1]) >= 40


@pytest.mark.timeout(3600)
def test_no_call_of_an_operator_is_answered_otherwise_than_documented(
    machine: Machine, amount: tuple[str, ...]
) -> None:
    made = machine.cli("keys", "create", "--kind", "operator", "--json")
    token = fetch_token(machine.url, basic_of(made, "key", "secret"))
    only = ("--include-path-regex", "^/manage/")
    fuzz(machine, machine.globex, token, 20261122, *amount, *only)
