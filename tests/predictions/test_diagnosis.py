"""Findings about microservices."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection

from clients.services import NewClient
from predictions import diagnosis
from predictions.models import Microservice
from predictions.selectors import MicroserviceHealth
from tests.servers import free_port


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe closes its thread's connection; here it is the test's own."""
    monkeypatch.setattr(connection, "close", lambda: None)


def add(client: NewClient, url: str, **fields: Any) -> Microservice:
    return Microservice.objects.for_client(client.client).create(
        client=client.client, name="iris", url=url, **fields
    )


def test_none_is_registered(db: None) -> None:
    assert ids(diagnosis.look_at_microservices()) == ["microservices.none"]


def test_microservice_that_answers(acme: NewClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        add(acme, f"http://127.0.0.1:{server.getsockname()[1]}")
        assert ids(diagnosis.look_at_microservices()) == ["microservices.answer"]


def test_microservice_that_is_down(acme: NewClient) -> None:
    add(acme, f"http://127.0.0.1:{free_port()}")
    [found] = diagnosis.look_at_microservices()
    assert (found.id, found.severity) == ("microservices.down", "error")
    assert "seldon-cli microservice test --client acme iris" in found.mend


def test_one_that_this_machine_runs_is_only_a_warning(acme: NewClient) -> None:
    add(acme, f"http://127.0.0.1:{free_port()}", command=["python"])
    [found] = diagnosis.look_at_microservices()
    assert found.severity == "warning"


def test_one_that_fails(acme: NewClient) -> None:
    row = add(acme, "http://127.0.0.1:9")
    health = MicroserviceHealth("iris", "failing", 10, {"status_500": 7}, 0, 0.1, 0.2)
    [found] = diagnosis.judge(row, "", health)
    assert (found.id, "of 10 calls 7 status_500" in found.what) == ("microservices.failing", True)


def test_database_that_is_away_is_left_to_its_own_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise DatabaseError("away")

    monkeypatch.setattr(Microservice.objects, "for_all_clients", away)
    assert ids(diagnosis.look_at_microservices()) == []


def test_socket_file_that_is_not_there(tmp_path: Path) -> None:
    assert diagnosis.problem_of_connection(f"unix:{tmp_path}/none") == "No such file or directory"
