"""Microservices in the console: registering, changing, trying, removing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.services import NewClient
from deploy.status import MachineStatus, PartStatus, write_status
from predictions.models import Microservice
from predictions.records import LocalProcess, MicroserviceSpec
from predictions.services import register_microservice
from tests.console.model_server import serve_model
from tests.factories import TESTER

LIST = "/admin/client/acme/microservices/"
FORM = {
    "name": "iris",
    "url": "http://127.0.0.1:9",
    "protocol": "seldon",
    "deadline_seconds": "2",
    "concurrency_limit": "8",
}


@pytest.fixture
def model_url() -> Iterator[str]:
    with serve_model() as url:
        yield url


def register(acme: NewClient, url: str = "http://127.0.0.1:9") -> Microservice:
    spec = MicroserviceSpec("iris", url, "seldon", 2.0, 8)
    return register_microservice(client=acme.client, spec=spec, by=TESTER)


def test_microservice_is_registered(console: Browser, acme: NewClient) -> None:
    answer = console.post("/admin/client/acme/new-microservice/", FORM)
    assert answer.headers["Location"] == f"{LIST}iris/"
    assert Microservice.objects.for_client(acme.client).get().spec.concurrency_limit == 8


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("url", "ftp://x", "must begin with"),
        ("name", "no spaces", "A-Z"),
        ("deadline_seconds", "0", "0.001 to 600"),
        ("concurrency_limit", "many", "whole number"),
        ("command", "'unclosed", "Not a command line"),
    ],
)
def test_wrong_field_is_told_beside_it(
    console: Browser, acme: NewClient, field: str, value: str, reason: str
) -> None:
    answer = console.post("/admin/client/acme/new-microservice/", {**FORM, field: value})
    assert [error for error in answer.context["form"].errors[field] if reason in error]
    assert not Microservice.objects.for_client(acme.client).exists()


def test_name_that_is_taken_is_refused(console: Browser, acme: NewClient) -> None:
    register(acme)
    assert b"already" in console.post("/admin/client/acme/new-microservice/", FORM).content


def test_everything_but_the_name_changes(console: Browser, acme: NewClient) -> None:
    found = register(acme)
    console.post(
        f"{LIST}iris/", {**FORM, "name": "other", "url": "http://127.0.0.1:10/predict", "protocol": "v2"}
    )
    found.refresh_from_db()
    assert (found.name, found.url, found.protocol) == ("iris", "http://127.0.0.1:10/predict", "v2")


def test_command_line_survives_editing(console: Browser, acme: NewClient) -> None:
    found = register(acme)
    console.post(f"{LIST}iris/", {**FORM, "command": "serve 'My Model' --port {port}"})
    found.refresh_from_db()
    assert found.command == ["serve", "My Model", "--port", "{port}"]
    shown = console.get(f"{LIST}iris/").context["form"].initial["command"]
    assert shlex.split(shown) == found.command


@pytest.mark.django_db(transaction=True)
def test_trying_it_shows_request_answer_and_time(console: Browser, acme: NewClient, model_url: str) -> None:
    register(acme, model_url)
    page = console.post(f"{LIST}iris/test/", {"sample": '{"data": {"ndarray": [[5]]}}'}).content.decode()
    assert "It answered in" in page
    assert f"POST {model_url}/api/v1.0/predictions" in page
    assert "&lt;i&gt;setosa" in page


def test_trying_one_that_is_down_says_so(console: Browser, acme: NewClient) -> None:
    register(acme)
    page = console.post(f"{LIST}iris/test/", {"sample": "{}"}).content.decode()
    assert "No usable answer" in page
    assert "cannot be reached" in page


@pytest.mark.parametrize(
    ("sample", "reason"), [("{", b"Not JSON"), ("[1]", b"JSON object"), ("", b"required")]
)
def test_sample_that_cannot_be_sent_is_told(
    console: Browser, acme: NewClient, sample: str, reason: bytes
) -> None:
    register(acme)
    assert reason in console.post(f"{LIST}iris/test/", {"sample": sample}).content


def test_microservice_is_removed(console: Browser, acme: NewClient) -> None:
    register(acme)
    assert console.post(f"{LIST}iris/remove/").headers["Location"] == LIST
    assert not Microservice.objects.for_client(acme.client).exists()


def test_process_that_keeps_ending_is_told_with_its_last_exit(
    console: Browser, acme: NewClient, settings: Settings, tmp_path: Path
) -> None:
    settings.SELDON_DATA = tmp_path
    (tmp_path / "run").mkdir()
    spec = MicroserviceSpec("iris", "", "seldon", 2.0, 8)
    register_microservice(client=acme.client, spec=spec, process=LocalProcess(("false",)), by=TESTER)
    exit_words, log = "ended with exit code 1", "/var/log/acme.iris.log"
    part = PartStatus(
        "acme/iris", "microservice", "waiting", None, None, None, 7, True, exit_words, None, log
    )
    write_status(tmp_path / "run", MachineStatus(os.getpid(), "", "", (part,)))
    page = console.get(f"{LIST}iris/").content.decode()
    assert "keeps ending" in page
    listed = console.get(LIST).content.decode()
    assert f"{exit_words}, see {log}" in listed
