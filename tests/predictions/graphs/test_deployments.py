"""What deployments serve: written, read, removed; every worker hears of it, no other client does."""

from __future__ import annotations

import asyncio

import pytest

from clients.services import NewClient
from events.sinks.memory import MemorySink
from predictions import selectors, services
from predictions.errors import DeploymentMissingError, ServingInvalidError
from predictions.graphs.serving import parse_serving
from predictions.models import Deployment
from predictions.part import PredictionsPart, build_gateway
from tests.predictions.graphs.servings import predictor, serving, unit

ONE = serving(predictor(unit("a", endpoints="http://127.0.0.1:9001")))
TWO = serving(predictor(unit("a", endpoints="http://127.0.0.1:9002")))


def test_deployment_is_its_clients_alone(acme: NewClient, globex: NewClient) -> None:
    services.put_deployment(client=acme.client, name="sum", serving=ONE)
    assert [(each.name, each.serving) for each in selectors.deployments_of(acme.client)] == [("sum", ONE)]
    assert selectors.deployments_of(globex.client) == []
    with pytest.raises(DeploymentMissingError):
        services.remove_deployment(client=globex.client, name="sum")


def test_what_cannot_be_served_changes_nothing(acme: NewClient) -> None:
    services.put_deployment(client=acme.client, name="sum", serving=ONE)
    with pytest.raises(ServingInvalidError):
        services.put_deployment(client=acme.client, name="sum", serving=serving())
    with pytest.raises(ServingInvalidError):
        services.put_deployment(client=acme.client, name="a/b", serving=ONE)
    assert [each.serving for each in selectors.deployments_of(acme.client)] == [ONE]


@pytest.mark.django_db(transaction=True)
def test_workers_follow_what_deployments_serve(acme: NewClient) -> None:
    part = PredictionsPart(build_gateway(MemorySink()))
    asyncio.run(part.start())
    known = part.gateway.deployments
    services.put_deployment(client=acme.client, name="sum", serving=ONE)
    first = known.of("acme")["sum"]
    services.put_deployment(client=acme.client, name="other", serving=ONE)
    assert known.of("acme")["sum"] is first
    services.put_deployment(client=acme.client, name="sum", serving=TWO)
    assert known.of("acme")["sum"] == parse_serving("sum", TWO)
    services.remove_deployment(client=acme.client, name="sum")
    assert list(known.of("acme")) == ["other"]
    asyncio.run(part.stop())


def test_row_that_cannot_be_read_keeps_no_other_from_being_served(acme: NewClient) -> None:
    services.put_deployment(client=acme.client, name="sum", serving=ONE)
    Deployment.objects.create(client=acme.client, name="torn", serving={"predictors": 5})
    assert [each.name for each in selectors.servings_by_client()["acme"]] == ["sum"]
