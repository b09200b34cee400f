"""Kills writers and shippers of one spool again and again, and counts what came of the events."""

from __future__ import annotations

import gzip
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from events.shipping.hourly import HourlyFiles
from events.shipping.shipper import Shipper

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VICTIMS = (("w0",), ("shipper",), ("w0", "w1"), ("w1", "shipper"), ("shipper",))


@dataclass
class Outcome:
    """What was acknowledged, what is in the files, and how often what was killed."""

    acknowledged: set[str] = field(default_factory=set)
    shipped: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    disorder: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raises AssertionError unless every acknowledged event is there once and none is there twice."""
        self.check_at_least_once()
        doubled = [event for event, count in self.shipped.items() if count > 1]
        assert not doubled, f"{len(doubled)} events doubled, such as {doubled[:3]}"

    def check_at_least_once(self) -> None:
        """Raises AssertionError unless every acknowledged event is there, first in its writer's order."""
        lost = self.acknowledged - self.shipped.keys()
        assert not lost, f"{len(lost)} acknowledged events lost, such as {sorted(lost)[:3]}"
        assert not self.disorder, f"out of order: {self.disorder[:3]}"


@dataclass
class Torture:
    """Two writers and a shipper in the folder `data`, one or more of which die in each loop."""

    data: Path
    durability: str
    seed: int
    outcome: Outcome = field(default_factory=Outcome)
    victims: tuple[tuple[str, ...], ...] = VICTIMS
    _parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _acks: list[Path] = field(default_factory=list)

    def run(self, loops: int, seconds: float = 3600) -> Outcome:
        """What became of the events after `loops` kills, or as many as fit into `seconds`."""
        chance = random.Random(self.seed)
        end = time.monotonic() + seconds
        try:
            for loop in range(loops):
                if time.monotonic() > end:
                    break
                self._start_missing()
                self._wait_for_acknowledgements()
                time.sleep(chance.uniform(0.05, 0.4))
                for name in self.victims[loop % len(self.victims)]:
                    self._kill(name)
        finally:
            for name in list(self._parts):
                self._kill(name)
        self._ship_rest()
        self._count()
        return self.outcome

    def shipper_words(self) -> list[str]:
        """What the shipper is told beside its folder."""
        return []

    def _start_missing(self) -> None:
        for name in ("w0", "w1", "shipper"):
            if name not in self._parts:
                self._parts[name] = self._start(name)

    def _wait_for_acknowledgements(self, seconds: float = 60) -> None:
        """Return once each writer has something acknowledged, so that every kill comes under load."""
        end = time.monotonic() + seconds
        while any(path.stat().st_size == 0 for path in self._acks):
            assert time.monotonic() < end, "a writer does not get anything acknowledged"
            time.sleep(0.01)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if name == "shipper":
            command = [sys.executable, str(HERE / "spool_shipper.py"), str(self.data), *self.shipper_words()]
            return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        script = [str(HERE / "spool_writer.py"), str(self.data / "spool"), name, self.durability]
        self._acks.append(self.data / f"acknowledged-{len(self._acks)}")
        with self._acks[-1].open("wb") as acks:
            return subprocess.Popen([sys.executable, *script], env=environment, stdout=acks)

    def _kill(self, name: str) -> None:
        part = self._parts.pop(name, None)
        if part is not None:
            part.send_signal(signal.SIGKILL)
            part.wait()
            assert part.returncode == -signal.SIGKILL, f"{name} ended by itself with {part.returncode}"
            self.outcome.kills[name] += 1

    def _ship_rest(self) -> None:
        shipper = Shipper(self.data / "spool", HourlyFiles(self.data / "logs"))
        while shipper.ship():
            pass
        assert shipper.waiting_bytes() == 0
        shipper.close()
        assert not list(self.data.glob("logs/.shipping/*"))

    def _count(self) -> None:
        for path in self._acks:
            # The last line may be cut; it was acknowledged all the same, but we cannot tell its name.
            self.outcome.acknowledged.update(line.decode() for line in path.read_bytes().split(b"\n")[:-1])
        newest: dict[str, int] = {}
        for event in self._arrived():
            self.outcome.shipped[event] += 1
            if self.outcome.shipped[event] == 1:
                self._check_order(newest, event)

    def _arrived(self) -> Iterator[str]:
        """Every event at the destination, in order."""
        for path in sorted(self.data.glob("logs/events.*/*/*/*/*.log.gz"), key=_order):
            for line in gzip.decompress(path.read_bytes()).splitlines():
                yield line.split(b'"')[3].decode()

    def _check_order(self, newest: dict[str, int], event: str) -> None:
        """A caller sends its next event after the last was acknowledged: its numbers only grow."""
        writer, _, number = event.rpartition("-")
        if writer == "shared":
            return
        caller = f"{writer} caller {int(number) % 8}"
        if int(number) < newest.get(caller, -1):
            self.outcome.disorder.append(event)
        newest[caller] = int(number)


def _order(path: Path) -> tuple[str, int]:
    found = re.fullmatch(r"(.*)_(\d+)\.log\.gz", path.name)
    assert found
    return found[1], int(found[2])


def main(loops: int, seconds: float) -> None:
    """Torture both durabilities, half of `loops` and `seconds` each, and tell what happened."""
    for durability in ("fsync", "os"):
        seed = random.SystemRandom().randrange(10**6)
        with tempfile.TemporaryDirectory() as folder:
            outcome = Torture(Path(folder), durability, seed).run(loops // 2, seconds / 2)
            outcome.check()
            kills = ", ".join(f"{name} {count}" for name, count in sorted(outcome.kills.items()))
            told = f"{len(outcome.acknowledged)} acknowledged, {len(outcome.shipped)} in the files, each once"
            sys.stdout.write(f"{durability}: {told}; killed: {kills}; seed {seed}\n")
