"""Fills a fresh installation for the browser test of documents: a deployment of each protocol."""

from __future__ import annotations

import sys

import django

from seldon_api import env

env.use_settings()
django.setup()

from clients.services import mint_token  # noqa: E402 (Django's apps must be ready first)
from predictions.services import put_deployment  # noqa: E402
from tests.factories import TESTER, make_client  # noqa: E402
from tests.predictions.graphs.servings import predictor, serving, unit  # noqa: E402


def main() -> None:
    """Makes everything and prints a token."""
    acme = make_client("acme").client
    answering = unit("simple", implementation="SIMPLE_MODEL")
    put_deployment(client=acme, name="seldon", serving=serving(predictor(answering)))
    for protocol in ("v2", "tensorflow"):
        graph = unit("first", "MODEL", unit("second"))
        put_deployment(client=acme, name=protocol, serving=serving(predictor(graph), protocol=protocol))
    sys.stdout.write(mint_token(client=acme, seconds=600, by=TESTER).text)


if __name__ == "__main__":
    main()
