"""Secrets of runs: in no column of the database as they are, and whole for the job."""

from __future__ import annotations

import importlib
from threading import Event
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from offline import leases, services
from offline.execution.attempt import Attempt
from offline.models import JobRun

GIVEN = {"awskey": "AKIA", "awssecret": "hush", "days": 3, "inner": [{"password": "hush"}]}


def queue(client: Any, **parameters: Any) -> JobRun:
    return services.queue_run(job="add", client=client, day=16461, parameters=parameters, requested_by="x")


def stored(run: JobRun) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(parameters AS text) FROM offline_jobrun WHERE id = %s", [run.pk])
        return str(cursor.fetchone()[0])


def test_database_holds_no_secret_and_the_job_gets_it(acme: Any) -> None:
    run = queue(acme.client, **GIVEN)
    assert "hush" not in stored(run)
    assert "AKIA" not in stored(run)
    assert '"days": 3' in stored(run)
    assert JobRun.objects.for_client(acme.client).get(pk=run.pk).parameters == GIVEN


def test_retry_takes_the_secret_along(acme: Any) -> None:
    run = queue(acme.client, **GIVEN)
    JobRun.objects.for_client(acme.client).filter(pk=run.pk).update(state="failed")
    run.refresh_from_db()
    copy = queue(acme.client, **run.parameters)
    assert "hush" not in stored(copy)
    copy.refresh_from_db()
    assert copy.parameters == GIVEN


def test_former_key_still_opens_and_an_unknown_one_is_told(acme: Any, settings: Any) -> None:
    run = queue(acme.client, awssecret="hush", numbers=[1])
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key altogether, and long enough"
    settings.SECRET_KEY_FALLBACKS = [former]
    run.refresh_from_db()
    assert run.parameters["awssecret"] == "hush"

    settings.SECRET_KEY_FALLBACKS = []
    claim = leases.claim_next()
    assert claim is not None
    assert Attempt(claim, Event()).carry_out() == "failed"
    run.refresh_from_db()
    assert run.error_code == "parameters_sealed"
    assert run.error.startswith("awssecret: sealed under another SECRET_KEY.")


def test_rows_of_before_are_sealed_by_the_migration(acme: Any) -> None:
    run = queue(acme.client)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE offline_jobrun SET parameters = %s WHERE id = %s", ['{"awssecret": "hush"}', run.pk]
        )
    run.refresh_from_db()
    assert run.parameters == {"awssecret": "hush"}
    then = MigrationExecutor(connection).loader.project_state([("offline", "0002_seal_secrets")]).apps
    importlib.import_module("offline.migrations.0002_seal_secrets").seal(then, None)
    assert "hush" not in stored(run)
    run.refresh_from_db()
    assert run.parameters == {"awssecret": "hush"}
