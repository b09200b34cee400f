"""Rows of the table: a claim, its target, what was measured, beside what, and whether the target is met."""

from __future__ import annotations

import json
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from benchmarks.loads import Load, Run, run_load, warm_up
from benchmarks.machine import describe_machine
from benchmarks.servers import Server

RESULTS = Path(__file__).resolve().parent / "results"
DEFAULT_SECONDS = 3.0
_MOST_TRIES = 3


@dataclass(frozen=True)
class Row:
    """`reference` says beside what it ran, `others_cpu` what share of the CPU others used meanwhile.

    `is_met` None: the row is told for comparison and has no target.
    """

    what: str
    target: str
    measured: str
    is_met: bool | None
    reference: str
    details: tuple[str, ...] = ()
    others_cpu: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """The runs of a reference and a candidate that alternated."""

    reference: list[Run]
    candidate: list[Run]

    @property
    def pairs(self) -> list[tuple[Run, Run]]:
        """Reference and candidate, run by run."""
        return list(zip(self.reference, self.candidate, strict=True))

    @property
    def ratios(self) -> list[float]:
        """Requests per second of the candidate per those of the reference, run by run."""
        return [theirs.requests_per_second / ours.requests_per_second for ours, theirs in self.pairs]

    @property
    def cpu_ratio(self) -> float:
        """The median ratio of requests per CPU second of the two servers: what other load disturbs least."""
        return statistics.median(ours.cpu_us / theirs.cpu_us for ours, theirs in self.pairs)

    @property
    def others_cpu(self) -> float:
        """What others used, over all runs."""
        return statistics.mean(run.others_cpu for run in [*self.reference, *self.candidate])


@dataclass(frozen=True)
class Side:
    """A load on a server; `beside` are the servers that it calls."""

    server: Server
    load: Load
    beside: tuple[Server, ...] = ()

    def warm_up(self) -> None:
        """One second of the same."""
        warm_up(self.server, self.load)

    def run(self) -> Run:
        """One run."""
        return run_load(self.server, self.load, *self.beside)


class Runnable(Protocol):
    """A load on a server, of whatever protocol."""

    def warm_up(self) -> None:
        """One second of the same."""

    def run(self) -> Run:
        """One run."""


def compare(reference: Runnable, candidate: Runnable, runs: int = 3) -> Comparison:
    """A B A B …, after a second of each to warm up; a pair with errors is told and does not count."""
    for side in (reference, candidate):
        side.warm_up()
    pairs: list[tuple[Run, Run]] = []
    for _ in range(runs * _MOST_TRIES):
        pair = reference.run(), candidate.run()
        if pair[0].errors or pair[1].errors:
            sys.stderr.write(f"errors: {pair[0].errors} and {pair[1].errors}; this pair does not count\n")
            continue
        pairs.append(pair)
        if len(pairs) == runs:
            return Comparison([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
    raise SystemExit(f"only {len(pairs)} of {runs} pairs of runs were without errors")


def median_run(runs: Sequence[Run]) -> Run:
    """The run in the middle by requests per second."""
    return sorted(runs, key=lambda run: run.requests_per_second)[len(runs) // 2]


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """`median (min–max)`."""
    low, high = form.format(min(values)), form.format(max(values))
    return f"{form.format(statistics.median(values))} ({low} … {high})"


def ratio_row(what: str, found: Comparison, reference: str, at_least: float | None) -> Row:
    """A row on requests per second as a multiple of a reference's; without a target when there is none."""
    middle = median_run(found.reference)
    return Row(
        what,
        "" if at_least is None else f"≥ {at_least:g} × {reference}",
        f"{spread(found.ratios)} ×",
        None if at_least is None else statistics.median(found.ratios) >= at_least,
        f"{reference}: {middle.requests_per_second:,.0f} requests/s",
        (
            f"ours: {median_run(found.candidate)}",
            f"{reference}: {middle}",
            f"by requests per CPU second of the server: {found.cpu_ratio:.2f} ×",
        ),
        found.others_cpu,
    )


@dataclass(frozen=True)
class Measured:
    """What one script found, on which machine and when."""

    machine: str
    at: str
    rows: list[Row]


def report(claim: str, rows: Sequence[Row]) -> None:
    """Print `rows` and keep them in benchmarks/results/<claim>.json for the table."""
    RESULTS.mkdir(exist_ok=True)
    measured = Measured(describe_machine(), datetime.now(UTC).isoformat(timespec="minutes"), list(rows))
    kept = json.dumps(asdict(measured), indent=2, ensure_ascii=False)
    (RESULTS / f"{claim}.json").write_text(kept + "\n")
    print(f"\n{claim}: {measured.machine}\n")
    for row in rows:
        _print(row)


def has_results(claim: str) -> bool:
    """Whether `report` ever kept something."""
    return (RESULTS / f"{claim}.json").exists()


def read_results(claim: str) -> Measured:
    """What `report` kept."""
    kept = json.loads((RESULTS / f"{claim}.json").read_text())
    rows = [Row(**{**row, "details": tuple(row["details"])}) for row in kept["rows"]]
    return Measured(kept["machine"], kept["at"], rows)


def _print(row: Row) -> None:
    print(f"  {row.what}")
    print(f"    target {row.target or 'none'}; measured {row.measured}: {verdict(row.is_met)}")
    print(f"    reference {row.reference}; others used {row.others_cpu:.0%} of the CPU")
    for line in row.details:
        print(f"      {line}")


def verdict(is_met: bool | None) -> str:
    """In a word."""
    return "for comparison" if is_met is None else "met" if is_met else "NOT MET"


def end_when_told() -> None:
    """Have SIGTERM end this process as an exit does, so that what it started is stopped and removed."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def run_script(claim: str, measure: Callable[[float], Sequence[Row]]) -> None:
    """What `python -m benchmarks.<claim> [seconds of one run]` does."""
    end_when_told()
    report(claim, measure(float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SECONDS))
