"""`seldon-cli serve`: parts die and come back, the machine stops and leaves nothing."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.machines import Place, Running, fetch_json, is_gone, new_place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

READY = "open('ready', 'w')"
DEAF = f"import signal, time; signal.signal(15, signal.SIG_IGN); {READY}; time.sleep(600)"
SLOW = Path(__file__).with_name("slow_microservice.py")


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Iterator[Place]:
    with new_place(tmp_path, settings.DATABASE_URL) as made:
        yield made


@pytest.fixture
def token_of_acme(place: Place) -> str:
    """Sets acme up with a slow local microservice; what a token is asked for with."""
    place.migrate()
    made = place.cli_json("client", "setup", "acme")
    words = [sys.executable, str(SLOW), "{port}", str(place.folder / "called"), "2"]
    command = ["--protocol", "legacy", "--deadline", "30", "--command", shlex.join(words)]
    place.cli_json("microservice", "add", "--client", "acme", "slow", *command)
    document = place.folder / "predict_algs.json"
    document.write_text('{"algorithms": [{"microservice": "slow"}]}')
    done = place.cli("config", "set", "/all_clients/acme/predict_algs", str(document))
    assert done.returncode == 0, done.stderr
    return f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"


def set_up(place: Place, name: str, program: str) -> None:
    """acme with a local microservice that is a Python `program`."""
    place.migrate()
    place.cli_json("client", "setup", "acme")
    command = shlex.join([sys.executable, "-c", program])
    place.cli_json(
        "microservice",
        "add",
        "--client",
        "acme",
        name,
        "--directory",
        str(place.folder),
        "--command",
        command,
    )


def fetch_token(url: str, credentials: str) -> str:
    return str(fetch_json(f"{url}/token?{credentials}")["access_token"])


def pids_of(machine: Running) -> list[int]:
    return [part.pid for part in machine.parts() if part.pid]


def test_every_part_comes_back_after_kill_9(place: Place, token_of_acme: str) -> None:
    with place.running("serve") as machine:
        url = machine.url()
        for name in ("worker-1", "worker-2", "shipper", "acme/slow"):
            assert machine.kill_part(name).last_exit == "was ended by SIGKILL"
        machine.url()
        token = fetch_token(url, token_of_acme)
        machine.until((place.folder / "output").exists)
        answer = fetch_json(f"{url}/predict", token, b'{"data": [1, 2]}')
        assert answer["predictions"][0]["predictedClass"] == "slow"
        assert machine.stop() == 0


def test_sigterm_finishes_the_request_under_way_and_leaves_nothing(place: Place, token_of_acme: str) -> None:
    with place.running("serve") as machine:
        url = machine.url()
        token = fetch_token(url, token_of_acme)
        machine.part("acme/slow")
        machine.until(lambda: _listens(place))
        answers: list[Any] = []
        call = threading.Thread(
            target=lambda: answers.append(fetch_json(f"{url}/predict", token, b'{"data": [1]}'))
        )
        (place.folder / "called").unlink(missing_ok=True)
        call.start()
        machine.until((place.folder / "called").exists)
        pids = pids_of(machine)
        assert machine.stop() == 0
        call.join(30)
        assert answers[0]["meta"]["modelName"] == "slow"
        # Two workers, jobs, deployments, shipper, the microservice.
        assert len(pids) == 6
        assert all(is_gone(pid) for pid in pids)
        assert machine.status() is None


def test_parts_end_when_the_supervisor_is_killed_and_the_next_start_works(place: Place) -> None:
    with place.running("serve") as machine:
        machine.url()
        pids = pids_of(machine)
        machine.stop(signal.SIGKILL)
        machine.until(lambda: all(is_gone(pid) for pid in pids))
    with place.running("serve") as machine:
        machine.url()
        assert machine.stop(signal.SIGINT) == 0


def test_microservice_of_a_killed_machine_goes_on_under_the_next(place: Place) -> None:
    set_up(place, "deaf", DEAF)
    with place.running("serve") as machine:
        machine.url()
        deaf = machine.part("acme/deaf").pid
        machine.until((place.folder / "ready").exists)
        machine.stop(signal.SIGKILL)
        with place.running("serve") as next_machine:
            next_machine.url()
            assert next_machine.part("acme/deaf").pid == deaf
            assert f"acme/deaf still runs (process {deaf}): taken over" in next_machine.output()
            # It does not listen to a gentle word, and is ended all the same.
            next_machine.process.send_signal(signal.SIGTERM)
            next_machine.until(lambda: "stopping" in next_machine.output())
            assert next_machine.stop(signal.SIGTERM) == 0
            assert is_gone(deaf)


def test_microservice_of_a_killed_machine_that_was_removed_meanwhile_is_ended(place: Place) -> None:
    set_up(place, "deaf", DEAF)
    with place.running("serve") as machine:
        machine.url()
        deaf = machine.part("acme/deaf").pid
        machine.stop(signal.SIGKILL)
        done = place.cli("microservice", "remove", "--client", "acme", "deaf")
        assert done.returncode == 0, done.stderr
        with place.running("serve") as next_machine:
            next_machine.url()
            next_machine.until(lambda: is_gone(deaf))
            assert next_machine.stop() == 0


def test_microservice_of_a_killed_machine_ends_when_no_other_starts(place: Place) -> None:
    set_up(place, "deaf", f"{READY}; import time; time.sleep(600)")
    with place.running("serve") as machine:
        machine.url()
        deaf = machine.part("acme/deaf").pid
        machine.stop(signal.SIGKILL)
        machine.until(lambda: is_gone(deaf))


def test_second_ctrl_c_ends_at_once(place: Place, token_of_acme: str) -> None:
    with place.running("serve") as machine:
        machine.url()
        worker = machine.part("worker-1").pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        machine.process.send_signal(signal.SIGINT)
        machine.until(lambda: "stopping" in machine.output())
        assert machine.stop(signal.SIGINT, seconds=10) == 0
        assert is_gone(worker)


def test_part_that_keeps_dying_is_told_in_the_output_and_at_readyz(place: Place) -> None:
    set_up(place, "broken", "raise SystemExit(3)")
    with place.running("serve") as machine:
        url = machine.url()
        machine.until(lambda: "acme/broken keeps ending" in fetch_json(f"{url}/readyz")["parts"]["machine"])
        machine.until(lambda: "acme/broken ended with exit code 3 again, next start in" in machine.output())


def test_microservice_registered_while_the_machine_runs_is_started_and_stopped(place: Place) -> None:
    with place.running("serve") as machine:
        machine.url()
        place.cli_json("client", "setup", "acme")
        words = [sys.executable, str(SLOW), "{port}", str(place.folder / "called"), "0"]
        place.cli_json("microservice", "add", "--client", "acme", "late", "--command", shlex.join(words))
        pid = machine.part("acme/late").pid
        done = place.cli("microservice", "remove", "--client", "acme", "late")
        assert done.returncode == 0, done.stderr
        machine.until(lambda: is_gone(pid))


def test_taken_port_is_told_plainly(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with place.running("serve", SELDON_PORT=port) as machine:
            assert machine.process.wait(60) == 1
            assert f"port {port} on 127.0.0.1 is taken" in machine.output()
            assert "SELDON_PORT=" in machine.output()
            assert "Traceback" not in machine.output()


def test_second_machine_on_the_same_data_is_refused(place: Place) -> None:
    with place.running("serve") as machine:
        machine.url()
        done = place.cli("serve")
        assert done.returncode == 1
        assert "runs already on the data folder" in done.stderr


def test_server_database_without_our_tables_is_not_touched(tmp_path: Path, settings: Any) -> None:
    if not settings.DATABASE_URL:
        pytest.skip("an embedded SQLite is migrated by itself; this is about PostgreSQL")
    with new_place(tmp_path, settings.DATABASE_URL) as place:
        place.cli("migrate")
        undone = place.cli("config", "list")
        assert undone.returncode == 0
        _unmigrate(place)
        done = place.cli("serve")
    assert done.returncode == 1
    assert "seldon-cli migrate" in done.stderr


def _unmigrate(place: Place) -> None:
    import subprocess  # noqa: PLC0415

    subprocess.run(
        [sys.executable, "manage.py", "migrate", "changes", "zero"],
        env=place.environment,
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        capture_output=True,
        timeout=120,
    )


def _listens(place: Place) -> bool:
    rows = place.cli_json("microservice", "list", "--client", "acme")
    host, _, port = rows[0]["url"].removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True
