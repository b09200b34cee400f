"""Whose data: no query on a client's rows without saying whose."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from clients.errors import OwnerNotNamedError
from clients.models import Client

OWNED = [
    model
    for model in apps.get_models()
    if model.__module__.partition(".")[0]
    in {"clients", "events", "predictions", "offline", "deploy", "console", "stores"}
    and any(field.related_model is Client for field in model._meta.get_fields() if field.many_to_one)
]


def test_there_are_models_that_belong_to_a_client() -> None:
    assert len(OWNED) >= 3


@pytest.mark.parametrize("model", OWNED)
def test_query_that_does_not_say_whose_is_refused(model: type[models.Model]) -> None:
    with pytest.raises(OwnerNotNamedError):
        model._default_manager.count()
    with pytest.raises(OwnerNotNamedError):
        model._default_manager.filter(pk=1).first()


@pytest.mark.parametrize("model", OWNED)
def test_model_can_be_asked_for_one_client(model: type[models.Model]) -> None:
    assert hasattr(model._default_manager, "for_client")
