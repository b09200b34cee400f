"""Does the machine run, do its parts stay alive, and does its port answer?"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from common.diagnosis import Finding, probe
from deploy import ports
from deploy.errors import AddressUnusableError, PortTakenError
from deploy.log_files import last_lines
from deploy.status import MachineStatus, PartStatus, left_over, read_status, start_ticks

_ANSWER_SECONDS: Final = 4.0
_MANY_RESTARTS: Final = 10


@probe("machine")
def look_at_machine() -> Iterator[Finding]:
    """machine.runs, machine.down, machine.killed, and all about its parts and its port."""
    status = read_status(Path(settings.SELDON_DATA) / "run")
    if status is None:
        yield Finding("machine.down", "note", "no machine runs on this data folder", "", "seldon-cli serve")
        yield from look_at_port(settings.SELDON_HOST, settings.SELDON_PORT)
    elif start_ticks(status.supervisor) is None:
        yield from _killed(status)
    else:
        yield Finding(
            "machine.runs", "fine", f"{len(status.parts)} parts under process {status.supervisor}", status.url
        )
        yield from look_at_parts(status.parts)
        yield from look_at_readiness(status.url)


def look_at_parts(parts: tuple[PartStatus, ...]) -> Iterator[Finding]:
    """machine.crash-loop, machine.restarts, machine.part-down"""
    for part in parts:
        if part.is_crash_looping:
            yield _crash_loop(part)
        elif part.state == "running" and part.pid is not None and start_ticks(part.pid) is None:
            what = f"{part.name} is gone and its supervisor has not noticed"
            mend = "restart the machine: its supervisor hangs"
            yield Finding("machine.part-down", "error", what, f"process {part.pid}", mend)
        elif part.restarts >= _MANY_RESTARTS:
            what = f"{part.name} was started again {part.restarts} times ({part.last_exit})"
            yield Finding("machine.restarts", "warning", what, part.log, _see(part))


def look_at_port(host: str, port: int) -> Iterator[Finding]:
    """machine.port-taken, machine.address: whether a machine could listen there now."""
    try:
        ports.listen(host, port).close()
    except PortTakenError as error:
        mend = f"find it with `ss -ltnp 'sport = :{port}'`, or choose another SELDON_PORT"
        yield Finding(
            "machine.port-taken", "warning", error.message.partition(":")[0], f"{host}:{port}", mend
        )
    except AddressUnusableError as error:
        mend = "set SELDON_HOST to an address of this host, or 0.0.0.0 for all"
        yield Finding("machine.address", "error", error.message.partition(";")[0], f"{host}:{port}", mend)


def look_at_readiness(url: str) -> Iterator[Finding]:
    """machine.answers, machine.silent, machine.not-ready, machine.degraded"""
    try:
        answer, status = _fetch(f"{url}/readyz")
    except (OSError, http.client.HTTPException, ValueError) as error:
        what = f"the port does not answer: {error}"
        mend = "see what the workers log; restart the machine if they hang"
        yield Finding("machine.silent", "error", what, url, mend)
        return
    if status != 200:
        what = str(answer.get("detail") or f"answers {status}")
        mend = "mend what is named here; the machine comes back by itself"
        yield Finding("machine.not-ready", "error", what, f"{url}/readyz", mend)
        return
    yield Finding("machine.answers", "fine", "ready", f"{url}/readyz")
    for name, words in answer.get("parts", {}).items():
        # What keeps ending was told by name already.
        if words != "ready" and name != "machine":
            yield Finding(
                "machine.degraded", "warning", f"{name}: {words}", f"{url}/readyz", "see the findings above"
            )


def _killed(status: MachineStatus) -> Iterator[Finding]:
    left = left_over(status.parts)
    rest = f"; {len(left)} of its parts still run" if left else ""
    what = f"the machine was killed{rest}"
    mend = "seldon-cli serve (it takes over or ends what is left and goes on where it was)"
    yield Finding(
        "machine.killed", "error" if left else "warning", what, f"process {status.supervisor}", mend
    )


def _crash_loop(part: PartStatus) -> Finding:
    last = last_lines(part.log, 1)
    what = f"{part.name} keeps ending ({part.last_exit}), started {part.restarts} times again"
    return Finding(
        "machine.crash-loop", "error", f"{what}{f': {last[0][:200]}' if last else ''}", part.log, _see(part)
    )


def _see(part: PartStatus) -> str:
    return f"tail -n 50 {part.log}" if part.log else "see what the machine logs (journalctl -u seldon-api)"


def _fetch(url: str) -> tuple[dict[str, Any], int]:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as reply:  # noqa: S310 (our own http URL)
            return json.load(reply), reply.status
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error), error.code
