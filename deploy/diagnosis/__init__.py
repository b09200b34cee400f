"""The probes of the machine itself; importing this brings them all."""

from __future__ import annotations

from deploy.diagnosis import (
    clocks,
    databases,
    deployments,
    disks,
    limits,
    machines,
    permissions,
    sharing,
    versions,
)

__all__ = [
    "clocks",
    "databases",
    "deployments",
    "disks",
    "limits",
    "machines",
    "permissions",
    "sharing",
    "versions",
]
