"""What runs for deployments, in one small file that the supervisor follows; replaced whole.

The reconciler writes it and may be killed at any moment: what it says still runs, and is found again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.runtimes.local.records import (
    DeploymentPlan,
    Instance,
    Limits,
    Mount,
    Ports,
    Probe,
    UnitKey,
    UnitPlan,
)

NAME: Final = "deployments.json"


@dataclass(slots=True)
class State:
    """The processes there are, and by (client, deployment) the plan whose graph gets the traffic."""

    instances: list[Instance] = field(default_factory=list)
    served: dict[tuple[str, str], DeploymentPlan] = field(default_factory=dict)


def write_state(run_folder: Path, state: State) -> None:
    """Replace the file; a reader sees the old one or the new one, also after a crash of the machine."""
    fresh = run_folder / f"{NAME}.tmp"
    told = {
        "instances": [asdict(each) for each in state.instances],
        "served": [asdict(each) for each in state.served.values()],
    }
    with fresh.open("w") as opened:
        # Variables of a manifest may hold what is for the model alone.
        fresh.chmod(0o600)
        json.dump(told, opened)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(run_folder / NAME)


def read_state(run_folder: Path) -> State:
    """What was written last; nothing when there is no file, or one of another version."""
    try:
        told = json.loads((run_folder / NAME).read_text())
        served = [_deployment(each) for each in told["served"]]
        return State(
            [_instance(each) for each in told["instances"]],
            {(each.client, each.name): each for each in served},
        )
    except (OSError, ValueError, TypeError, KeyError):
        return State()


def _deployment(found: dict[str, Any]) -> DeploymentPlan:
    return DeploymentPlan(**(found | {"units": tuple(_plan(each) for each in found["units"])}))


def _instance(found: dict[str, Any]) -> Instance:
    return Instance(**(found | {"plan": _plan(found["plan"]), "ports": Ports(**found["ports"])}))


def _plan(found: dict[str, Any]) -> UnitPlan:
    return UnitPlan(
        **(
            found
            | {
                "key": UnitKey(**found["key"]),
                "command": tuple(found["command"]),
                "variables": tuple((name, value) for name, value in found["variables"]),
                "limits": Limits(**found["limits"]),
                "mounts": tuple(Mount(**each) for each in found["mounts"]),
                "warnings": tuple(found["warnings"]),
                "readiness": _probe(found["readiness"]),
                "liveness": _probe(found["liveness"]) if found["liveness"] else None,
            }
        )
    )


def _probe(found: dict[str, Any]) -> Probe:
    return Probe(**(found | {"target": tuple(found["target"])}))
