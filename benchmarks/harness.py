"""What every benchmark shares: servers in their own processes, a load on them, A B A B runs, ratios.

Only ratios of one run count: the machine is shared and noisy. A run with errors does not count.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_TICKS = os.sysconf("SC_CLK_TCK")


# -- servers -----------------------------------------------------------------------------------------


@dataclass
class Server:
    """One running server process and the port it answers at."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """CPU time it and its threads have used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_mib(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self) -> None:
        """End it, by force if need be."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def serving(
    name: str, command: Sequence[str], environment: Mapping[str, str] | None = None, ready: str = "/healthz"
) -> Iterator[Server]:
    """A server started with the descriptor of its listening socket as the last word of `command`."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.set_inheritable(True)
    port = listener.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(listener.fileno())],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LOG_LEVEL": "WARNING", **(environment or {})},
        cwd=ROOT,
        pass_fds=[listener.fileno()],
    )
    listener.close()
    server = Server(name, port, process)
    try:
        wait_until_ready(server, ready)
        yield server
    finally:
        server.stop()


def wait_until_ready(server: Server, path: str, seconds: float = 30) -> None:
    """Return once `path` is answered with anything below 500."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise SystemExit(f"{server.name} ended with {server.process.returncode}")
        if _answers(server.port, path):
            return
        time.sleep(0.05)
    raise SystemExit(f"{server.name} is not ready after {seconds:g} s")


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            status = connection.recv(64).split(b" ")
            return len(status) > 1 and int(status[1]) < 500
    except OSError:
        return False


def noop_server() -> contextmanager[Server]:
    """The reference: a raw ASGI application that reads the body and answers, on the same server."""
    return serving("raw no-op", [sys.executable, "-m", "benchmarks.noop"])


def worker_server(name: str, data: Path, **settings: str) -> contextmanager[Server]:
    """One API worker over the installation in `data`."""
    environment = {"SELDON_DATA": str(data), **settings}
    return serving(name, [sys.executable, "-m", "seldon_api.worker"], environment)


# -- an installation to measure ----------------------------------------------------------------------


@dataclass(frozen=True)
class Installation:
    """A fresh data folder with one client and its token."""

    data: Path
    token: str


@contextmanager
def installation(client: str = "acme") -> Iterator[Installation]:
    """An installation in a folder of its own beside the project (the disk that a real one uses)."""
    folder = Path(tempfile.mkdtemp(prefix=".benchmark-", dir=ROOT))
    try:
        code = "from benchmarks.setup import main; main()"
        environment = {
            **os.environ,
            "SELDON_DATA": str(folder),
            "PYTHONPATH": str(ROOT),
            "BENCH_CLIENT": client,
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True
        )
        yield Installation(folder, done.stdout.decode().strip().splitlines()[-1])
    finally:
        shutil.rmtree(folder)


# -- loads -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """A request sent again and again: as fast as answers come, or `rate` times a second when that is set."""

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 64
    seconds: float = 3.0
    rate: float = 0.0
    method: str = "POST"


@dataclass(frozen=True)
class Run:
    """What one run gave. `others_cpu` is the share of all cores that neither server nor load used."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    errors: int
    cpu_us: float
    cpu_share: float
    rss_mib: float
    others_cpu: float


def run_load(server: Server, load: Load) -> Run:
    """One run of `load` on `server`."""
    cpu, busy, started = server.cpu_seconds(), _busy_seconds(), time.monotonic()
    own = os.times()
    said = _wrk(server, load) if shutil.which("wrk") and not load.rate else _own_loader(server, load)
    seconds = time.monotonic() - started
    used, everything, ended = server.cpu_seconds() - cpu, _busy_seconds() - busy, os.times()
    loader = ended.children_user + ended.children_system - own.children_user - own.children_system
    others = max(0.0, everything - used - loader) / (seconds * (os.cpu_count() or 1))
    return Run(
        requests_per_second=said["requests"] / said["seconds"],
        p50_ms=said["p50_ms"],
        p99_ms=said["p99_ms"],
        p999_ms=said["p999_ms"],
        errors=int(said["errors"]),
        cpu_us=used / max(said["requests"], 1) * 1e6,
        cpu_share=used / seconds,
        rss_mib=server.rss_mib(),
        others_cpu=others,
    )


def _wrk(server: Server, load: Load) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_lua(load))
        script.flush()
        duration = f"{max(1, round(load.seconds))}s"
        command = [
            "wrk",
            "-t1",
            f"-c{load.connections}",
            f"-d{duration}",
            "-s",
            script.name,
            server.url + load.path,
        ]
        done = subprocess.run(command, capture_output=True, check=True, timeout=load.seconds + 30)
    return json.loads(done.stdout.decode().rpartition("RESULT ")[2])


def _lua(load: Load) -> str:
    headers = "".join(
        f"wrk.headers[ {_quote(name)} ] = {_quote(value)}\n" for name, value in load.headers.items()
    )
    return f"""
wrk.method = {_quote(load.method)}
wrk.body = {_quote(load.body.decode())}
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  local form = '{{"requests":%d,"seconds":%f,"errors":%d,"p50_ms":%f,"p99_ms":%f,"p999_ms":%f}}'
  local seconds = summary.duration / 1e6
  io.write('RESULT ', string.format(form, summary.requests, seconds, errors, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


def _quote(text: str) -> str:
    equals = "=" * 8
    return f"[{equals}[{text}]{equals}]"


def _own_loader(server: Server, load: Load) -> dict[str, float]:
    order = {**asdict(load), "body": load.body.decode(), "headers": dict(load.headers), "port": server.port}
    command = [sys.executable, "-m", "benchmarks.loader"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        input=json.dumps(order).encode(),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=load.seconds + 60,
    )
    return json.loads(done.stdout)


def _busy_seconds() -> float:
    """CPU time that all processes of the machine have used."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / _TICKS


# -- comparisons -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """The runs of a reference and a candidate that alternated, and a ratio per pair."""

    reference: list[Run]
    candidate: list[Run]
    ratios: list[float]

    @property
    def ratio(self) -> float:
        """The median ratio of requests per second."""
        return statistics.median(self.ratios)

    @property
    def cpu_ratio(self) -> float:
        """The CPU time per request of the reference over the candidate's: what others disturb least."""
        pairs = zip(self.reference, self.candidate, strict=True)
        return statistics.median(ours.cpu_us / theirs.cpu_us for ours, theirs in pairs)

    @property
    def spread(self) -> str:
        """`median (min–max)`."""
        return f"{self.ratio:.2f} ({min(self.ratios):.2f}–{max(self.ratios):.2f})"


def compare(reference: Callable[[], Run], candidate: Callable[[], Run], runs: int = 3) -> Comparison:
    """A B A B …, after one short run of each to warm up; runs with errors are told and do not count."""
    reference()
    candidate()
    pairs: list[tuple[Run, Run]] = []
    for _ in range(runs * 3):
        pair = reference(), candidate()
        if pair[0].errors or pair[1].errors:
            sys.stderr.write(f"errors: {pair[0].errors} and {pair[1].errors}; this pair does not count\n")
            continue
        pairs.append(pair)
        if len(pairs) == runs:
            break
    if not pairs:
        raise SystemExit("every run had errors")
    ratios = [theirs.requests_per_second / ours.requests_per_second for ours, theirs in pairs]
    return Comparison([ours for ours, _ in pairs], [theirs for _, theirs in pairs], ratios)


def median_run(runs: Sequence[Run]) -> Run:
    """The run in the middle by requests per second."""
    return sorted(runs, key=lambda run: run.requests_per_second)[len(runs) // 2]


# -- reports -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of the table: a claim, its target and what was measured."""

    what: str
    target: str
    measured: str
    is_reached: bool
    details: str = ""


def machine() -> str:
    """The machine, versions and the date, in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    packages = " ".join(
        f"{name} {version(name)}" for name in ("django", "uvicorn", "uvloop", "orjson", "msgspec")
    )
    python, today = platform.python_version(), f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{os.cpu_count()} × {model}, Python {python}, {packages}, {today}"


def report(claim: str, rows: Sequence[Row]) -> None:
    """Print `rows` and keep them in benchmarks/results/<claim>.json for the table of the README."""
    RESULTS.mkdir(exist_ok=True)
    kept = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    (RESULTS / f"{claim}.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    print(f"\n{claim} — {machine()}\n")
    for row in rows:
        mark = "reached" if row.is_reached else "NOT REACHED"
        print(f"  {row.what}\n    target {row.target}; measured {row.measured}: {mark}")
        if row.details:
            print(f"    {row.details}")


def describe(run: Run) -> str:
    """A run in one line."""
    return (
        f"{run.requests_per_second:,.0f} requests/s, p50 {run.p50_ms:.2f} ms, p99 {run.p99_ms:.2f} ms, "
        f"p99.9 {run.p999_ms:.2f} ms, {run.cpu_us:.0f} CPU µs/request, {run.rss_mib:.0f} MiB, "
        f"others used {run.others_cpu:.0%} of the CPU"
    )
