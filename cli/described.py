"""How a deployment's units and figures are printed for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from cli.output import print_rows
from common.numbers import duration

_FIGURES: Final = ("unit", "calls", "failed", "p50", "p99")
_BRANCHES: Final = ("router", "branch", "child", "chosen", "share", "rewards", "reward")


def tell_unit(unit: Mapping[str, Any]) -> None:
    """Print a unit and its processes, with why they are not ready."""
    click.secho(f"\n{unit['predictor']}/{unit['name']}  {unit['image']}", bold=True)
    click.echo(f"  {unit['ready']} of {unit['replicas']} ready")
    if unit["problem"]:
        click.secho(f"  {unit['problem']}", fg="red")
    for warning in unit.get("warnings") or ():
        click.secho(f"  {warning}", fg="yellow")
    for process in unit["processes"]:
        pid = f"process {process['pid']}" if process["pid"] else "no process"
        where = f"{process['state']}  {pid}  restarts {process['restarts']}  {process['endpoint']}"
        click.echo(f"  {process['name']}  {where}")
        if process["reason"]:
            click.secho(f"    {process['reason']}", fg="red")
        elif ended := process.get("last_end"):
            click.echo(f"    started again after: {ended}")
        for line in process["last_lines"]:
            click.echo(f"    | {line}")


def tell_figures(figures: Mapping[str, Any]) -> None:
    """Print calls and latency of predictors and units, and what routers chose."""
    click.echo(f"\nCalls in the last {figures['minutes']} minutes")
    print_rows(list(_rows(figures)), as_json=False, columns=_FIGURES)
    branches = list(_branches(figures))
    if branches:
        click.echo("\nRouters")
        print_rows(branches, as_json=False, columns=_BRANCHES)


def _rows(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for predictor in figures["predictors"]:
        yield _row(predictor["name"], predictor)
        for unit in predictor["units"]:
            yield _row(f"{predictor['name']}/{unit['name']}", unit)


def _row(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    times = {key: _seconds(told[f"{key}_seconds"]) for key in ("p50", "p99")}
    return {"unit": name, "calls": told["calls"], "failed": told["failed"], **times}


def _seconds(value: float | None) -> str | None:
    return None if value is None else duration(value)


def _branches(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for predictor in figures["predictors"]:
        for unit in predictor["units"]:
            for each in unit.get("branches", ()):
                share = None if each["share"] is None else f"{each['share']:.1%}"
                reward = None if each["reward"] is None else f"{each['reward']:.3g}"
                rewards = None if each["rewards"] is None else f"{each['rewards']:g}"
                told = {"share": share, "reward": reward, "rewards": rewards}
                yield {"router": f"{predictor['name']}/{unit['name']}", **each, **told}
