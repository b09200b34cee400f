"""Lengths of time as options of commands."""

from __future__ import annotations

import re

import click


class Seconds(click.ParamType[float]):
    """A length of time: a number of seconds, or with a unit as kubectl takes it."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is no length of time like 30, 30s, 5m or 1h", param, ctx)
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
