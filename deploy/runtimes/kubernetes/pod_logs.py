"""What the containers of a deployment's pods wrote, as the API server gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from common import clock
from deploy.logs import Log, Piece
from deploy.manifests import Manifest, Predictor, default_manifest, manifest_from
from deploy.manifests.names import explainer_name, orchestrator_name, short_name, workload_name
from deploy.models import SeldonDeployment
from deploy.rendering.scene import DEPLOYMENT_ID
from deploy.runtimes.kubernetes.cluster import Cluster, connect
from deploy.runtimes.kubernetes.errors import ClusterRefusedError
from deploy.runtimes.kubernetes.resources import PODS

Object = dict[str, Any]

_MOST_BYTES: Final = 4 * 2**20
# Lines are asked for again for so long before the last ones, and those that are known are left out.
_SLACK_SECONDS: Final = 5
_NOT_STARTED: Final = 400
_GONE: Final = 404


class PodLogs:
    """The logs of a cluster."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._cluster = cluster or connect()

    def of(self, row: SeldonDeployment, predictor: str, unit: str) -> list[Log]:
        """Of every container of the deployment's pods, side-cars too; `unit` is a container's name."""
        manifest = default_manifest(manifest_from(row.manifest))
        owners = {name: each.name for each in manifest.spec.predictors for name in _workloads(manifest, each)}
        selector = f"{DEPLOYMENT_ID}={short_name(row.name)}"
        found: list[Log] = [
            PodLog(self._cluster, row.client.name, pod["metadata"]["name"], container["name"], owner)
            for pod in self._cluster.objects(PODS, row.client.name, selector)["items"]
            if (owner := owners.get(pod["metadata"]["labels"].get("app"))) and predictor in ("", owner)
            for container in pod["spec"]["containers"]
            if unit in ("", container["name"])
        ]
        return sorted(found, key=lambda log: log.title)


def _workloads(manifest: Manifest, predictor: Predictor) -> list[str]:
    """The names of its Kubernetes Deployments, which their pods have as a label."""
    made = [workload_name(manifest, predictor, place) for place in range(len(predictor.components))]
    return [*made, orchestrator_name(manifest, predictor), explainer_name(manifest, predictor)]


@dataclass(frozen=True, slots=True)
class End:
    """The last line's time, empty before the first one, and when it was asked for."""

    stamp: str
    asked_at: float


@dataclass(frozen=True, slots=True)
class PodLog:
    """One container of a pod."""

    cluster: Cluster
    namespace: str
    pod: str
    container: str
    predictor: str

    @property
    def title(self) -> str:
        """Predictor, container and pod."""
        return f"{self.predictor}/{self.container}/{self.pod}"

    def tail(self, lines: int) -> Piece:
        """The last lines; why there are none, while the container has not started."""
        try:
            # One line tells where the log is, also when none is wanted.
            found = self._read(tail_lines=max(1, lines))
        except ClusterRefusedError as error:
            if error.http_status not in (_NOT_STARTED, _GONE):
                raise
            return Piece([f"[{error.message}]"], End("", clock.monotonic()))
        return found if lines else found._replace(lines=[])

    def since(self, end: End | None) -> Piece:
        """What came after; nothing of a container that is gone, or has not started."""
        try:
            if end is None:
                return self._read()
            seconds = math.ceil(clock.monotonic() - end.asked_at) + _SLACK_SECONDS
            return self._read(end.stamp, since_seconds=seconds)
        except ClusterRefusedError as error:
            if error.http_status not in (_NOT_STARTED, _GONE):
                raise
            return Piece([], end)

    def _read(self, after: str = "", **how: int) -> Piece:
        asked_at = clock.monotonic()
        text = self.cluster.pod_log(
            self.namespace, self.pod, self.container, timestamps=True, limit_bytes=_MOST_BYTES, **how
        )
        pairs = [(stamp, line) for stamp, _, line in (each.partition(" ") for each in text.splitlines())]
        new = [(stamp, line) for stamp, line in pairs if _in_order(stamp) > _in_order(after)]
        return Piece([line for _, line in new], End(new[-1][0] if new else after, asked_at))


def _in_order(stamp: str) -> str:
    """A time whose order as a text is that of time: its fraction comes without zeros at its end."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.ljust(9, '0')}"
