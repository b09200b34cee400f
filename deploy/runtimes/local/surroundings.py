"""What of this machine plans depend on, beside its bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from deploy.runtimes.local.values import Values


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`values`: where secrets and config maps are; `volumes`: where pods may have folders of their own;
    `host_paths`: what they may share; `gateway`: its URL; `patience_seconds`: how long its callers wait;
    `units_in_process`: whether units may be classes in its workers."""

    values: Path | None = None
    volumes: Path = Path("volumes")
    host_paths: tuple[str, ...] = ()
    gateway: str = ""
    patience_seconds: float = 5.0
    units_in_process: bool = False

    def values_of(self, client: str) -> Values:
        """The secrets and config maps of a client."""
        return Values(client, self.values)


def surroundings_of_settings(gateway: str) -> Surroundings:
    """This installation's."""
    data = Path(settings.SELDON_DATA)
    return Surroundings(
        values=data,
        volumes=data / "run" / "volumes",
        host_paths=tuple(settings.DEPLOYMENTS_HOST_PATHS),
        gateway=gateway,
        patience_seconds=settings.PREDICT_DEADLINE_SECONDS,
        units_in_process=settings.UNITS_IN_PROCESS,
    )
