"""Fills a fresh installation for the browser test: an operator, a client, a microservice, a deployment."""

from __future__ import annotations

import sys
from pathlib import Path

import django

from seldon_api import env

env.use_settings()
django.setup()

from django.conf import settings  # noqa: E402 (Django's apps must be ready first)
from django.contrib.auth.models import User  # noqa: E402

from clients.configuration import write_document  # noqa: E402
from predictions.records import MicroserviceSpec  # noqa: E402
from predictions.services import register_microservice  # noqa: E402
from tests.console.routed import apply_router, note_process  # noqa: E402
from tests.deploy.graph_traffic import add_calls  # noqa: E402
from tests.factories import TESTER, make_client  # noqa: E402

STRATEGY = """{
  "algorithms": [
    {
      "name": "externalPredictionServer",
      "config": [
        {"name": "io.seldon.algorithm.external.url", "value": "http://127.0.0.1:9/predict"},
        {"name": "io.seldon.algorithm.external.name", "value": "iris"}
      ]
    }
  ]
}"""


def main(model_url: str) -> None:
    """Makes everything in one process, so that the test needs no database of its own."""
    User.objects.create_superuser("jane", password="a long password here")
    new = make_client("acme")
    acme = new.client
    spec = MicroserviceSpec("iris", model_url, "seldon", 5.0, 8)
    register_microservice(client=acme, spec=spec, by=TESTER)
    write_document(path="/all_clients/acme/predict_algs", text=STRATEGY, by=TESTER)
    log = Path(settings.SELDON_DATA) / "run" / "bandit.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"line {number}\n" for number in range(200)))
    apply_router(new)
    note_process(new, log=str(log))
    add_calls(new, units=("", "bandit", "old"), routes={"bandit": {"0": 1, "1": 3}})


if __name__ == "__main__":
    main(sys.argv[1])
