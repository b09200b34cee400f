"""`seldon-cli doctor`: what is wrong with this machine, and how to mend it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module, util
from typing import Any, Final

import click

from cli.context import json_option, on_terminal, set_up_django
from cli.output import print_json
from common.diagnosis import AREAS, DEADLINE_SECONDS, PROBES, Finding, run_probes, worst

_EXIT_CODES: Final = {"fine": 0, "note": 0, "warning": 1, "error": 2}
_SIGNS: Final = {
    "fine": ("✓", "green"),
    "note": ("·", "blue"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
}
_PLAIN: Final = {"fine": "ok", "note": "note", "warning": "WARNING", "error": "ERROR"}


@click.command()
@click.option("--only", "areas", multiple=True, type=click.Choice(AREAS), help="Look at this area; repeat.")
@click.option(
    "--deadline",
    "deadline_seconds",
    type=click.FloatRange(0.1, 600),
    default=DEADLINE_SECONDS,
    show_default=True,
    help="Seconds after which a look that has not ended is given up.",
)
@json_option
def doctor(areas: tuple[str, ...], deadline_seconds: float, as_json: bool) -> int:
    """Say what is wrong with this machine, and how to mend it.

    Looks at settings, versions, database, disk, spool, destinations, clock, permissions, limits, the running
    machine and its microservices, all at once. Works while the machine is down and while it runs; changes
    nothing. Run it as the user that the machine runs as, with the machine's settings.

    Leaves with 0 when nothing is wrong, 1 when something will hurt, 2 when something hurts now.

    \b
    Examples:
      seldon-cli doctor
      seldon-cli doctor --only spool --only disk
      seldon-cli doctor --json
    """
    findings = find(areas, deadline_seconds)
    if as_json:
        print_json({"worst": worst(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    return _EXIT_CODES[worst(findings)]


def find(areas: Sequence[str], deadline_seconds: float) -> list[Finding]:
    """What the probes of these areas find; all areas when none is named."""
    broken = _gather_probes()
    probes = [each for each in PROBES.values() if not areas or each.area in areas]
    return [*broken, *run_probes(probes, deadline_seconds)]


def _gather_probes() -> list[Finding]:
    """Import the module `diagnosis` of every part; what keeps a part from being imported is a finding."""
    import_module("deploy.diagnosis.versions")
    try:
        set_up_django()
    except Exception as error:  # noqa: BLE001  settings or packages of any kind of brokenness are what is looked for
        return [_broken(error)]
    apps = import_module("django.apps").apps
    for name in [config.name for config in apps.get_app_configs()]:
        if util.find_spec(f"{name}.diagnosis") is not None:
            import_module(f"{name}.diagnosis")
    return []


def _broken(error: Exception) -> Finding:
    what = f"cannot be loaded: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    if isinstance(error, ImportError):
        return Finding("settings.broken", "error", what, "", "install this version's packages again")
    mend = "point SELDON_DATA to a folder this user may write, and see the other settings"
    return Finding("settings.broken", "error", what, str(getattr(error, "filename", "") or ""), mend)


def _print(findings: Sequence[Finding]) -> None:
    if on_terminal():
        _print_groups(findings)
    else:
        for finding in findings:
            click.echo(_line(finding))
    click.echo(_summary(findings))


def _print_groups(findings: Sequence[Finding]) -> None:
    """An area a paragraph: its worst sign, then what was found; where and how to mend below each trouble."""
    title = click.style(f"{platform.node()}", bold=True)
    click.echo(f"{title}\n")
    for area in dict.fromkeys(finding.area for finding in findings):
        group = [finding for finding in findings if finding.area == area]
        sign, colour = _SIGNS[worst(group)]
        head = f"{click.style(sign, fg=colour, bold=True)} {click.style(area.ljust(14), bold=True)}"
        for place, finding in enumerate(group):
            click.echo(f"{head if place == 0 else ' ' * 16} {_words(finding)}")
            for line in _below(finding):
                click.echo(f"{' ' * 17}{click.style(line, dim=True)}")
    click.echo()


def _words(finding: Finding) -> str:
    if finding.severity in {"fine", "note"}:
        return finding.what
    return click.style(finding.what, fg=_SIGNS[finding.severity][1])


def _below(finding: Finding) -> list[str]:
    if finding.severity == "fine":
        return []
    lines = [f"at {finding.where}"] if finding.where else []
    return [*lines, f"→ {finding.mend}"] if finding.mend else lines


def _line(finding: Finding) -> str:
    where = f" [{finding.where}]" if finding.where else ""
    mend = f" -> {finding.mend}" if finding.mend else ""
    return f"{_PLAIN[finding.severity].ljust(7)} {finding.id}: {finding.what}{where}{mend}"


def _summary(findings: Sequence[Finding]) -> str:
    counts: dict[str, Any] = {
        word: sum(finding.severity == word for finding in findings) for word in ("error", "warning", "note")
    }
    told = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    if worst(findings) in {"fine", "note"}:
        return click.style("nothing is wrong", fg="green") + (f" ({', '.join(told)})" if told else "")
    return click.style(", ".join(told), bold=True)
