"""What the console's pages show, frozen: made by the dashboards, read by the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from console.plots import Plot, Share


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time up to now, in buckets of equal length."""

    key: str
    title: str
    minutes: int
    bucket_minutes: int

    @property
    def bucket_count(self) -> int:
        """How many buckets the window has."""
        return self.minutes // self.bucket_minutes


HOUR: Final = Window("1h", "Last hour", 60, 1)
DAY: Final = Window("24h", "Last 24 hours", 1440, 10)
WINDOWS: Final = {window.key: window for window in (HOUR, DAY)}


@dataclass(frozen=True, slots=True)
class Tile:
    """One big number: what it is, the number, a line below, and `good`, `warn` or `bad` where it says so."""

    label: str
    value: str
    note: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The latest of `count` requests refused alike, as the data plane noted it."""

    at: datetime
    client: str
    surface: str
    status: int
    code: str
    message: str
    request_id: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A microservice and how its calls went since the workers began, in words.

    `mood` is good, bad or nothing; `failures` lists outcomes with their counts.
    """

    client: str
    name: str
    url: str
    protocol: str
    mood: str
    state: str
    calls: str
    p50: str
    p99: str
    failures: str
    is_local: bool


@dataclass(frozen=True, slots=True)
class ClientDashboard:
    """Everything on a client's overview."""

    window: Window
    tiles: tuple[Tile, ...]
    throughput: Plot
    latency: Plot
    errors: Plot
    variations: tuple[Share, ...]
    rejections: tuple[Share, ...]
    refusals: tuple[Refusal, ...]
    is_silent: bool


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One line of the table of clients; sums over the last hour."""

    name: str
    is_active: bool
    events: int
    predictions: int
    requests: int
    errors: int
    trace: tuple[int, ...]

    @property
    def error_share(self) -> float:
        """Errors by requests, 0…1."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class ClientTable:
    """One page of the table of clients."""

    rows: tuple[ClientRow, ...]
    search: str
    sort: str
    page: int
    page_count: int
    found: int


@dataclass(frozen=True, slots=True)
class InstallationDashboard:
    """Everything on the first page."""

    tiles: tuple[Tile, ...]
    throughput: Plot
    errors: Plot
    refusals: tuple[Refusal, ...]
    client_count: int
