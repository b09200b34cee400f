"""Findings about deployments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from clients.services import NewClient
from deploy import services
from deploy.diagnosis.deployments import look_at_deployments
from deploy.manifests import manifest_from
from deploy.status import MachineStatus, PartStatus, start_ticks, write_status
from tests.deploy.manifested import manifest
from tests.factories import TESTER

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(tmp_path: Path, settings: Any) -> None:
    """A machine that runs deployments."""
    settings.SELDON_DATA = tmp_path
    (tmp_path / "run").mkdir()
    ticks = start_ticks(os.getpid())
    part = PartStatus(
        "deployments", "deployments", "running", os.getpid(), ticks, None, 0, False, "", None, ""
    )  # fmt: skip
    write_status(tmp_path / "run", MachineStatus(os.getpid(), "http://h", "", (part,)))


def deploy(client: NewClient, state: str, said: str = "") -> None:
    services.apply_deployment(client=client.client, manifest=manifest_from(manifest()), by=TESTER)
    row = services.get_deployment(client=client.client, name="iris")
    services.note_status(row, {"state": state, "description": said, "observedGeneration": 1})


def found() -> list[tuple[str, str]]:
    return [(finding.id, finding.what) for finding in look_at_deployments()]


def test_nothing_is_said_where_nothing_is_deployed(machine: None) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("Available", "deployments.fine"),
        ("Failed", "deployments.failed"),
        ("Creating", "deployments.not-ready"),
    ],
)
def test_each_state_is_told(machine: None, acme: NewClient, state: str, name: str) -> None:
    deploy(acme, state, "there is no bundle")
    [(told, what)] = found()
    assert told == name
    assert state == "Available" or "acme/iris" in what


def test_deployments_that_no_machine_runs_are_told(acme: NewClient, tmp_path: Path, settings: Any) -> None:
    settings.SELDON_DATA = tmp_path
    deploy(acme, "Available")
    assert [name for name, _ in found()] == ["deployments.not-run"]


def test_disabled_clients_are_left_alone(machine: None, acme: NewClient) -> None:
    deploy(acme, "Failed")
    acme.client.is_active = False
    acme.client.save()
    assert found() == []
