"""Plans and instances for tests, without manifests."""

from __future__ import annotations

from typing import Any

from deploy.runtimes.local.records import DeploymentPlan, Instance, Ports, UnitKey, UnitPlan


def unit(name: str = "classifier", image: str = "v1", replicas: int = 1, **fields: Any) -> UnitPlan:
    return UnitPlan(UnitKey("acme", "iris", "main", name), image, replicas, **fields)


def plan(*units: UnitPlan, generation: int = 1) -> DeploymentPlan:
    return DeploymentPlan("acme", "iris", generation, units or (unit(),))


def instance(of: UnitPlan, slot: int = 0, **fields: Any) -> Instance:
    port = 20_000 + slot * 3
    return Instance(of, slot, Ports(port, port + 1, port + 2), began_at=float(slot), **fields)
