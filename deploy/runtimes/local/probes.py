"""Asking a process how it is: over HTTP, over gRPC, by a connection, or by a command."""

from __future__ import annotations

import http.client
import socket
import subprocess
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from deploy.bounded_get import bounded_get
from deploy.grpc_health import why_not_ready
from deploy.runtimes.local.processes import variables_of
from deploy.runtimes.local.records import GRPC, HTTP, Instance, Probe
from deploy.runtimes.local.volumes import place_text

_HOST = "127.0.0.1"
_SHOWN = 200


def ask(instance: Instance, probe: Probe) -> str:
    """Why the process is not well; empty when it is. Takes no longer than the probe's timeout."""
    try:
        if probe.kind == "exec":
            return _ask_command(instance, probe)
        port = port_of(instance, probe)
        return _ASKING[probe.kind](port, probe)
    except TimeoutError:
        return f"no answer within {probe.timeout_seconds:g} s"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def port_of(instance: Instance, probe: Probe) -> int:
    """Where the process is asked."""
    if probe.port:
        return probe.port
    return {HTTP: instance.ports.http, GRPC: instance.ports.grpc}.get(probe.door, instance.ports.metrics)


def _ask_http(port: int, probe: Probe) -> str:
    path = quote(probe.target[0], safe="/?&=%:,;+@~")
    status, body = bounded_get(_HOST, port, path, seconds=probe.timeout_seconds, most_bytes=_SHOWN)
    said = body.decode("utf-8", "replace").strip()
    return "" if 200 <= status < 400 else f"{probe.target[0]} answers {status} {said}".strip()


def _ask_tcp(port: int, probe: Probe) -> str:
    with socket.create_connection((_HOST, port), timeout=probe.timeout_seconds):
        return ""


def _ask_grpc(port: int, probe: Probe) -> str:
    return why_not_ready(f"{_HOST}:{port}", probe.timeout_seconds)


_ASKING: Final[Mapping[str, Callable[[int, Probe], str]]] = {
    HTTP: _ask_http,
    GRPC: _ask_grpc,
    "tcp": _ask_tcp,
}


def _ask_command(instance: Instance, probe: Probe) -> str:
    words = [place_text(word, instance.plan.mounts, instance.slot) for word in probe.target]
    try:
        done = subprocess.run(
            words,
            cwd=instance.plan.directory or None,
            capture_output=True,
            timeout=probe.timeout_seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=dict(variables_of(instance)),
        )
    except subprocess.TimeoutExpired:
        return f"{probe.target[0]} did not end within {probe.timeout_seconds:g} s"
    except ValueError as error:
        return f"{probe.target[0]} cannot be started: {error}"
    said = (done.stderr or done.stdout)[:_SHOWN].decode("utf-8", "replace").strip()
    return f"{probe.target[0]} ended with {done.returncode} {said}" if done.returncode else ""
