"""`seldon-cli demo`: what `make run` starts, told step by step, then one screen."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click

from cli.context import explain, on_terminal
from cli.output import print_rows
from common.errors import SeldonError
from deploy.demo.record import DemoFile
from deploy.demo.tour import Tour, take_tour
from deploy.machine import Machine, open_machine, plan_from_settings


@click.command()
def demo() -> int:
    """Make the tenant `demo` with two models, 150 real events and predictions, and keep it running.

    Shows how to call it, and writes .run/demo.json (readable by you alone) once everything answers.
    Data and keys are kept over a restart. SELDON_PORT and SELDON_DATA say where.

    \b
    Examples:
      seldon-cli demo
      SELDON_PORT=8001 seldon-cli demo
    """
    file = DemoFile(Path.cwd() / ".run")
    file.put_aside()
    voice = Voice()
    plan = plan_from_settings()
    plan = plan_from_settings(part_logs=plan.run_folder / "logs")
    with _step("database, port and data folder"), contextlib.ExitStack() as stack:
        machine = stack.enter_context(open_machine(plan, voice.tell))
        kept = stack.pop_all()
    with kept:
        guide = Guide(machine, plan.data, file, voice)
        guide.start()
        machine.run()
        file.put_aside()
    return guide.exit_code


class Voice:
    """Keeps what the machine says to itself while the steps are shown; speaks once the screen stands."""

    def __init__(self) -> None:
        self.is_loud = False
        self._kept: list[str] = []

    def tell(self, line: str) -> None:
        """Say it, or keep it."""
        if self.is_loud:
            click.echo(f"  {line}")
        else:
            self._kept.append(line)

    def confess(self) -> None:
        """All that was kept, because something failed."""
        for line in self._kept:
            click.echo(f"    {line}", err=True)
        self.is_loud = True


class Guide(threading.Thread):
    """Takes the tour beside the supervisor, shows it, and stops the machine when it fails."""

    def __init__(self, machine: Machine, data: Path, file: DemoFile, voice: Voice) -> None:
        super().__init__(daemon=True, name="tour")
        self.exit_code = 0
        self._machine = machine
        self._data = data
        self._file = file
        self._voice = voice

    def run(self) -> None:
        """The whole tour; a failure is told with what the machine said meanwhile."""
        try:
            show(take_tour(self._machine.url, self._data, self._file, _step), self._data)
            self._voice.is_loud = True
        except Exception as error:  # noqa: BLE001  the door of the thread
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.exit_code = 1
        known = error.message if isinstance(error, SeldonError) else explain(error)
        self._voice.confess()
        click.echo(
            f"{click.style('Error:', fg='red')} {known or f'{type(error).__name__}: {error}'}", err=True
        )
        self._machine.ask_to_stop()


@contextlib.contextmanager
def _step(text: str) -> Iterator[None]:
    """A line while something is done, and how long it took; one line each where nobody watches."""
    started = time.monotonic()
    if on_terminal():
        click.echo(f"  {click.style('…', fg='yellow')} {text}", nl=False)
    yield
    took = click.style(f"{time.monotonic() - started:.1f} s", dim=True)
    begin = "\r" if on_terminal() else ""
    click.echo(f"{begin}  {click.style('✓', fg='green')} {text}  {took}")


def show(tour: Tour, data: Path) -> None:
    """One screen: where to look, what was predicted, what to paste."""
    record = tour.record
    click.echo()
    _line("Console", f"{record.url}/admin/   {record.operator} / {record.operator_password}")
    _line("API pages", f"{record.url}/docs")
    _line("Web page", f"{record.url}/demo   what a browser sends, live")
    _line("Events", f"{tour.events} sent; files in {tour.logs}/events.YYYY/MM/DD/HH/")
    _line("Data", f"{data}   secrets in .run/demo.json")
    _title("Predictions")
    rows = [
        {
            "visitor": one.visitor,
            "measures": " ".join(f"{measure:g}" for measure in one.measures),
            "species": one.species,
            "predicted": one.predicted,
            "confidence": f"{one.confidence:.0%}",
            "variation": one.variation,
        }
        for one in tour.predictions
    ]
    columns = ("visitor", "measures", "species", "predicted", "confidence", "variation")
    print_rows(rows, as_json=False, columns=columns)
    _title("Paste these")
    for name, line in tour.curl:
        click.echo(f"{click.style(f'# {name}', dim=True)}\n{line}")
    click.echo(
        f"\n{click.style('Running.', fg='green', bold=True)} Ctrl-C stops everything and keeps the data."
    )


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _line(name: str, text: str) -> None:
    click.echo(f"{click.style(name.ljust(10), bold=True)} {text}")
