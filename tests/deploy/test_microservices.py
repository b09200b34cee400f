"""Registered microservices as parts of the machine: which program runs, where, on which port."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clients.services import NewClient
from deploy.microservices import microservice_parts
from deploy.process import PartSpec
from predictions import services
from predictions.records import LocalProcess, MicroserviceSpec
from tests.factories import TESTER

pytestmark = pytest.mark.django_db


def register(client: NewClient, *command: str, name: str = "iris") -> None:
    spec = MicroserviceSpec(name, "", "seldon", 5.0, 64)
    services.register_microservice(client=client.client, spec=spec, process=LocalProcess(command), by=TESTER)


def parts() -> list[PartSpec]:
    return microservice_parts(Path("logs"), lambda name: False)


def test_port_is_filled_in_and_told_by_variable(acme: NewClient) -> None:
    register(acme, "serve-it", "--port", "{port}")
    [part] = parts()
    assert part.name == "acme/iris"
    assert part.command == ("serve-it", "--port", part.variables["PORT"])


def test_port_of_one_over_grpc_is_told_by_the_variables_of_grpc(acme: NewClient) -> None:
    spec = MicroserviceSpec("iris", "grpc://127.0.0.1:0", "legacy", 5.0, 64)
    services.register_microservice(
        client=acme.client, spec=spec, process=LocalProcess(("serve-it", "{port}")), by=TESTER
    )
    [part] = parts()
    port = part.variables["PREDICTIVE_UNIT_GRPC_SERVICE_PORT"]
    assert (part.command[1], part.variables["PORT"]) == (port, port)
    assert part.variables["PREDICTIVE_UNIT_SERVICE_PORT"] == "0"


def test_program_given_by_its_path_is_run_as_it_is(acme: NewClient) -> None:
    register(acme, "/srv/models/serve.sh")
    assert parts()[0].command == ("/srv/models/serve.sh",)


def test_program_of_our_own_environment_goes_before_that_of_the_path(acme: NewClient) -> None:
    name = Path(sys.executable).name
    register(acme, name)
    assert parts()[0].command == (str(Path(sys.executable).with_name(name)),)


def test_two_clients_microservices_have_ports_of_their_own(acme: NewClient, globex: NewClient) -> None:
    register(acme, "serve-it")
    register(globex, "serve-it")
    assert len({part.variables["PORT"] for part in parts()}) == 2
