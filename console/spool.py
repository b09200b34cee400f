"""How much waits in the spool, in words."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from common.metrics_files import read_snapshots
from console.numbers import byte_size

_METRIC: Final = "seldon_spool_waiting_bytes"


def waiting_words() -> str:
    """Bytes that the shipper has not moved on yet, as it last said; a dash where no shipper runs."""
    family = read_snapshots(settings.SELDON_DATA / "run" / "metrics").get(_METRIC)
    if family is None or not family["values"]:
        return "–"
    return byte_size(sum(value for _, value in family["values"]))
