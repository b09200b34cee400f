"""A load on a server, and what one run of it gave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.processes import busy_seconds, children_seconds
from benchmarks.servers import ROOT, Server, environment_of


@dataclass(frozen=True)
class Load:
    """A request sent again and again. `rate` 0: as fast as answers come (closed loop); else so many a second.

    With `tokens` each request carries the next of them.
    """

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 64
    seconds: float = 3.0
    rate: float = 0.0
    method: str = "POST"
    tokens: tuple[str, ...] = ()


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

    def __str__(self) -> str:
        speed = f"{self.requests_per_second:,.0f} requests/s, {self.cpu_us:.0f} CPU µs/request"
        times = f"p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms, p99.9 {self.p999_ms:.2f} ms"
        rest = f"{self.rss_mib:.0f} MiB, {self.errors} errors, others used {self.others_cpu:.0%} of the CPU"
        return f"{speed}, {times}, {rest}"


def json_load(path: str, body: bytes, token: str, seconds: float) -> Load:
    """`body` as JSON with a bearer token, at 64 connections."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return Load(path, body, headers, seconds=seconds)


def run_load(server: Server, load: Load, *beside: Server) -> Run:
    """One run of `load` on `server`; `beside` are the servers that it calls, which are no others."""
    servers = (server, *beside)
    before, busy, own = [each.cpu_seconds() for each in servers], busy_seconds(), children_seconds()
    started = time.monotonic()
    said = _wrk(server, load) if shutil.which("wrk") and not load.rate else _own_loader(server, load)
    seconds = time.monotonic() - started
    used = [each.cpu_seconds() - then for each, then in zip(servers, before, strict=True)]
    others = busy_seconds() - busy - sum(used) - (children_seconds() - own)
    return Run(
        requests_per_second=said["requests"] / said["seconds"],
        p50_ms=said["p50_ms"],
        p99_ms=said["p99_ms"],
        p999_ms=said["p999_ms"],
        errors=int(said["errors"]),
        cpu_us=used[0] / max(said["requests"], 1) * 1e6,
        cpu_share=used[0] / seconds,
        rss_mib=server.rss_mib(),
        others_cpu=max(0.0, others) / (seconds * (os.cpu_count() or 1)),
    )


def warm_up(server: Server, load: Load) -> None:
    """One second of the same."""
    run_load(server, replace(load, seconds=1.0))


def _wrk(server: Server, load: Load) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        script, tokens = Path(folder, "load.lua"), Path(folder, "tokens")
        script.write_text(_lua(load, tokens))
        tokens.write_text("\n".join(load.tokens))
        words = ["-t1", f"-c{load.connections}", f"-d{max(1, round(load.seconds))}s", "--timeout", "10s"]
        done = subprocess.run(
            ["wrk", *words, "-s", script, server.url + load.path],
            capture_output=True,
            check=True,
            timeout=load.seconds + 30,
        )
    said: dict[str, float] = json.loads(done.stdout.decode().rpartition("RESULT ")[2])
    return said


def _lua(load: Load, tokens: Path) -> str:
    headers = "".join(
        f"wrk.headers[ {_quote(name)} ] = {_quote(value)}\n" for name, value in load.headers.items()
    )
    rotation = _LUA_TOKENS.replace("TOKENS", _quote(str(tokens))) if load.tokens else ""
    return f"""
wrk.method = {_quote(load.method)}
wrk.body = {_quote(load.body.decode())}
{headers}{rotation}{_LUA_DONE}"""


_LUA_TOKENS = """
local requests, turn = {}, 0
function init(arguments)
  for token in io.lines(TOKENS) do
    wrk.headers["authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
"""
_LUA_DONE = """
function done(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  local form = 'RESULT {"requests":%d,"seconds":%f,"errors":%d,"p50_ms":%f,"p99_ms":%f,"p999_ms":%f}'
  io.write(string.format(form,
    summary.requests, summary.duration / 1e6, errors, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


def _quote(text: str) -> str:
    equals = "=" * 8
    return f"[{equals}[{text}]{equals}]"


def _own_loader(server: Server, load: Load) -> dict[str, float]:
    order = {**asdict(load), "body": load.body.decode(), "headers": dict(load.headers), "port": server.port}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loader"],
        input=json.dumps(order).encode(),
        env=environment_of(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=load.seconds + 60,
    )
    said: dict[str, float] = json.loads(done.stdout)
    return said
