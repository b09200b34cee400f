"""Where Prometheus finds the metrics of units: a file of targets, for its discovery by files.

Ports change with every process; the label `instance` is the process's name, so that its series go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from deploy.runtimes.local.records import Instance

NAME: Final = "prometheus-units.json"
_PATH: Final = "PREDICTIVE_UNIT_METRICS_ENDPOINT"


def write_targets(run_folder: Path, instances: Iterable[Instance]) -> None:
    """Replace the file; Prometheus reads it again by itself."""
    told = [_target(each, path) for each in instances if (path := dict(each.plan.variables).get(_PATH))]
    fresh = run_folder / f"{NAME}.tmp"
    fresh.write_text(json.dumps(told, indent=1))
    fresh.replace(run_folder / NAME)


def _target(instance: Instance, path: str) -> dict[str, Any]:
    """One process; all else that its labels say it says itself."""
    labels = {"__metrics_path__": path, "instance": instance.name, "namespace": instance.key.client}
    return {"targets": [f"127.0.0.1:{instance.ports.metrics}"], "labels": labels}
