"""How much waits in the spool, as a tile says it."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from clients.models import Client
from common.metrics_files import metrics_folder, read_snapshots
from console.numbers import byte_size, compact
from console.records import Tile
from events.selectors import late_shipping, shipped_elsewhere, spool_waiting

_METRIC: Final = "seldon_spool_waiting_bytes"
# Records looked at for one page; a spool that holds more is in trouble that the number need not measure.
_MOST_RECORDS: Final = 20_000


def client_spool_tile(client: Client) -> Tile:
    """The client's events that are not shipped yet."""
    waiting = spool_waiting(client, limit=_MOST_RECORDS)
    least = "" if waiting.is_exact else "at least "
    note = f"{least}{byte_size(waiting.bytes)}, {_where_not()}"
    return Tile("Spool waiting", compact(waiting.events), note, "" if waiting.is_exact else "warn")


def spool_tile() -> Tile:
    """What the shipper last said of all clients together; a dash where no shipper runs."""
    family = read_snapshots(metrics_folder(settings.SELDON_DATA)).get(_METRIC)
    if family is None or not family["values"]:
        return Tile("Spool waiting", "–", "no shipper is running", "warn")
    size = sum(value for _, value in family["values"])
    return Tile("Spool waiting", byte_size(size), _where_not(), "warn" if late_shipping() else "")


def _where_not() -> str:
    return "not yet at Fluentd" if shipped_elsewhere() else "not yet in an hourly file"
