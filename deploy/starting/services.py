"""One call starts what is asked for and replaces the client's whole strategy; run again, it leads back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from clients.configuration import write_document
from clients.models import Client
from clients.records import By
from common import clock
from deploy.bundles.records import Tell
from deploy.errors import RatiosWrongError, StartedTooSlowlyError
from deploy.starting.records import Service, Started, Starter
from deploy.status import parts_now
from deploy.waiting import wait_until

_HEARD_SECONDS: Final = 2.0
_STARTERS: Final = {
    "local": "deploy.starting.local.LocalStarter",
    "kubernetes": "deploy.starting.cluster.ClusterStarter",
}


def start_services(
    *, client: Client, services: Sequence[Service], replicas: int, by: By, tell: Tell
) -> list[Started]:
    """Starts what does not run yet, waits until it answers, then moves the client's traffic in one step.

    Raises BundleMissingError, ManifestInvalidError, RatiosWrongError, or StartedTooSlowlyError; the strategy
    is then what it was.
    """
    _check_ratios(services)
    starter: Starter = import_string(_STARTERS[settings.DEPLOYMENTS_RUNTIME])(client, replicas, by)
    starter.check(services)
    found = [starter.start(each) for each in services]
    runs = _something_runs_them()
    if runs:
        _wait_for(starter, found, tell)
    else:
        tell("no machine runs here: `seldon-cli serve` will start them")
    path = f"/all_clients/{client.name}/predict_algs"
    write_document(path=path, text=json.dumps(_strategy(found), indent=2), by=by, expected_version=None)
    left = sorted(starter.started_before() - {each.microservice for each in found})
    if runs and left:
        # Until every worker has heard of the new strategy the old ones may still be called.
        time.sleep(_HEARD_SECONDS)
    for name in left:
        starter.remove(name)
        tell(f"{name} is not needed any more: removed")
    return found


def _something_runs_them() -> bool:
    if settings.DEPLOYMENTS_RUNTIME == "kubernetes":
        return True
    return parts_now(Path(settings.SELDON_DATA) / "run") is not None


def _check_ratios(services: Sequence[Service]) -> None:
    total = math.fsum(each.ratio for each in services)
    names = [each.name for each in services]
    if min(each.ratio for each in services) < 0:
        raise RatiosWrongError("a ratio is 0 or more")
    if not math.isclose(total, 1.0, abs_tol=1e-9):
        raise RatiosWrongError(f"the ratios of {', '.join(names)} sum to {total:g}; they must sum to 1")
    if len(set(names)) < len(names):
        raise RatiosWrongError(f"two services have the same name: {', '.join(names)}")


def _wait_for(starter: Starter, found: Sequence[Started], tell: Tell) -> None:
    """Until every one answers; what was made now is removed again when one does not."""
    for each in found:
        name, since = each.microservice, clock.monotonic()
        tell(f"waiting for {name}")
        wait_until(partial(_is_settled, starter, name), starter.patience_seconds)
        if not starter.is_ready(name):
            where = starter.look_where(name)
            for made in [other for other in found if other.is_new]:
                starter.remove(made.microservice)
            raise StartedTooSlowlyError(each.service.name, clock.monotonic() - since, where)


def _is_settled(starter: Starter, name: str) -> bool:
    return starter.is_ready(name) or starter.has_failed(name)


def _strategy(found: Sequence[Started]) -> dict[str, object]:
    return {
        "variations": [
            {
                "label": each.service.name,
                "ratio": each.service.ratio,
                "config": {"algorithms": [{"microservice": each.microservice}]},
            }
            for each in found
        ]
    }
