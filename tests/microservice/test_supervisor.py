"""Workers under load, under signals and under the axe."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from pathlib import Path

import pytest

from microservice.settings import Settings
from microservice.supervisor import Supervisor
from tests.microservice.conftest import Serve
from tests.microservice.models import SLOW_MODEL
from tests.microservice.running import wait_until


@pytest.mark.slow
def test_a_slow_call_delays_no_health_check_and_is_finished_after_sigterm(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve("SlowModel", SLOW_MODEL)
    answers: list[tuple[int, object]] = []
    caller = threading.Thread(target=lambda: answers.append(served.post("/predict", {"strData": "x"})))
    caller.start()
    wait_until((tmp_path / "started").exists)
    assert served.call("GET", "/health/ping")[0] == served.call("GET", "/health/status")[0] == 200
    served.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not listens(served.port))
    (tmp_path / "go").touch()
    caller.join()
    assert answers == [(200, {"strData": "x", "meta": {}})]
    assert served.process.wait(timeout=60) == 0


def test_the_signal_that_ends_it_waits_for_no_lock_whatever_it_interrupts() -> None:
    supervisor = Supervisor(Settings("M", "/", {}, "m"), [], 0, {})
    owned = [kind for kind in map(type, vars(supervisor).values()) if kind.__module__ == "threading"]
    supervisor._end(signal.SIGTERM, None)
    assert (owned, supervisor._is_ending) == ([], True)


@pytest.mark.slow
def test_no_call_is_lost_while_workers_are_replaced_after_so_many_requests(serve: Serve) -> None:
    source = "import os\nclass Own:\n    def predict(self, X, names):\n        return {'pid': os.getpid()}\n"
    served = serve("Own", source, "--workers", "2", "--max-requests", "5")
    seen: set[int] = set()

    def ask() -> bool:
        status, answer = served.post("/predict", {"strData": "x"})
        assert status == 200
        seen.add(answer["jsonData"]["pid"])
        return len(seen) > 4

    wait_until(ask)


@pytest.mark.slow
def test_more_calls_than_may_wait_are_told_to_come_back(serve: Serve, tmp_path: Path) -> None:
    served = serve("SlowModel", SLOW_MODEL, "--max-waiting", "1")
    answers: list[int] = []
    callers = [
        threading.Thread(target=lambda: answers.append(served.post("/predict", {"strData": "x"})[0]))
        for _ in range(3)
    ]
    callers[0].start()
    wait_until((tmp_path / "started").exists)
    for caller in callers[1:]:
        caller.start()
    wait_until(lambda: answers == [503])
    (tmp_path / "go").touch()
    for caller in callers:
        caller.join()
    assert answers == [503, 200, 200]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_counts_stay(serve: Serve, tmp_path: Path) -> None:
    served = serve("SlowModel", SLOW_MODEL, "--workers", "2")
    (tmp_path / "go").touch()
    assert served.post("/predict", {"strData": "x"})[0] == 200
    worker = (tmp_path / "started").read_text()
    # What a worker counted in its last second may die with it: wait for its snapshot.
    wait_until(lambda: any("predict" in file.read_text() for file in tmp_path.glob(f"*/*-{worker}.json")))
    os.kill(int(worker), signal.SIGKILL)
    assert served.post("/predict", {"strData": "y"})[0] == 200
    wait_until(lambda: count_calls(served.call("GET", "/metrics")[1]) == 2)


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(serve: Serve, tmp_path: Path) -> None:
    served = serve("SlowModel", SLOW_MODEL)
    (tmp_path / "go").touch()
    served.post("/predict", {"strData": "x"})
    served.process.kill()
    wait_until(lambda: not listens(served.port))


def count_calls(metrics: bytes) -> int:
    series = 'seldon_microservice_request_seconds_count{code="200",method="predict",model_name="SlowModel"}'
    lines = [line for line in metrics.decode().splitlines() if line.startswith(series)]
    return int(float(lines[0].rpartition(" ")[2])) if lines else 0


def listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()
