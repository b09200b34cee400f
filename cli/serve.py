"""`seldon-cli serve`: the whole machine under one supervisor."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from cli.context import lazy
from common.version import VERSION

if TYPE_CHECKING:
    from deploy import machine as machines
    from deploy import waiting
    from deploy.machine import Machine
else:
    machines = lazy("deploy.machine")
    waiting = lazy("deploy.waiting")

_READY_SECONDS = 60.0


@click.command()
def serve() -> None:
    """Start the whole machine: API workers on one port, the shipper, local models.

    Parts that die are started again, with growing pauses. SIGTERM and Ctrl-C finish the requests
    under way, flush, and leave nothing running. SELDON_HOST, SELDON_PORT, SELDON_WORKERS and
    SELDON_DATA say where and with what.

    \b
    Examples:
      seldon-cli serve
      SELDON_PORT=8001 SELDON_WORKERS=2 SELDON_DATA=/srv/seldon seldon-cli serve
    """
    # Process 1 of a container has no default for it: `docker stop` during the start must be heard too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = machines.plan_from_settings()
    with machines.open_machine(plan, _tell) as machine:
        click.echo(f"{click.style('seldon-api', bold=True)} {VERSION}  {click.style(machine.url, fg='cyan')}")
        _tell(f"data in {plan.data}")
        threading.Thread(target=_announce, args=[machine], daemon=True).start()
        machine.run()


def _announce(machine: Machine) -> None:
    if waiting.wait_until(lambda: waiting.answers(f"{machine.url}/readyz"), _READY_SECONDS):
        machine.tell_ready()
        _tell(
            click.style("ready", fg="green") + ": Ctrl-C finishes the requests under way and stops everything"
        )


def _tell(line: str) -> None:
    click.echo(f"  {line}")
