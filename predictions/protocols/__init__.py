"""The wire forms that callers and microservices speak: bytes <-> documents <-> one neutral message."""

from __future__ import annotations

from typing import Final

from predictions.protocols.base import Protocol
from predictions.protocols.legacy import LegacyProtocol
from predictions.protocols.seldon import SeldonProtocol
from predictions.protocols.v2 import V2Protocol

LEGACY: Final = LegacyProtocol()
SELDON: Final = SeldonProtocol()
V2: Final = V2Protocol()
PROTOCOLS: Final[dict[str, Protocol]] = {each.name: each for each in (LEGACY, SELDON, V2)}
