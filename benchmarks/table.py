"""The table of all figures: on a terminal, as plain lines, as JSON, and in the README between its markers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Measured, Row, verdict

README = Path(__file__).resolve().parent / "README.md"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_STYLES = {True: "green", False: "bold red", None: "dim"}


def show(measured: Mapping[str, Measured], failed: Mapping[str, str]) -> None:
    """The table for a person; figures that could not be measured are named below it."""
    if sys.stdout.isatty():
        Console().print(_rich(measured))
    else:
        for row in _rows(measured):
            print(f"{verdict(row.is_met):14} {row.what}: {row.measured} (target {row.target or 'none'})")
    for name, reason in failed.items():
        print(f"not measured: {name}: {reason}")


def as_json(measured: Mapping[str, Measured], failed: Mapping[str, str]) -> str:
    """Everything, for programs."""
    found = {name: asdict(each) for name, each in measured.items()}
    return json.dumps({"measured": found, "failed": dict(failed)}, indent=2, ensure_ascii=False)


def write_readme(measured: Mapping[str, Measured], failed: Mapping[str, str]) -> None:
    """Replace what stands between the README's markers."""
    text = README.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    block = "\n".join(_markdown(measured, failed))
    README.write_text(f"{before}{_BEGIN}\n{block}\n{_END}{after}")


def _rows(measured: Mapping[str, Measured]) -> Sequence[Row]:
    return [row for each in measured.values() for row in each.rows]


def _rich(measured: Mapping[str, Measured]) -> Table:
    table = Table(
        "what", "target", "measured", "beside", "others' CPU", "verdict", box=None, row_styles=["", "dim"]
    )
    for row in _rows(measured):
        mark = f"[{_STYLES[row.is_met]}]{verdict(row.is_met)}[/]"
        table.add_row(row.what, row.target, row.measured, row.reference, f"{row.others_cpu:.0%}", mark)
    return table


def _markdown(measured: Mapping[str, Measured], failed: Mapping[str, str]) -> list[str]:
    lines = [
        "| what | target | measured (median, least … most) | reference beside it | others' CPU | verdict |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for row in _rows(measured):
        mark = f"**{verdict(False)}**" if row.is_met is False else verdict(row.is_met)
        cells = (row.what, row.target, row.measured, row.reference, f"{row.others_cpu:.0%}", mark)
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {name} | | not measured: {reason} | | | **NOT MET** |" for name, reason in failed.items()]
    if measured:
        times = sorted(each.at[:16].replace("T", " ") for each in measured.values())
        machines = dict.fromkeys(each.machine for each in measured.values())
        lines += ["", f"Measured {times[0]} to {times[-1]} UTC on {'; '.join(machines)}."]
    return lines
