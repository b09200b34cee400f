# One line each; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test check bench docs snippet torture fuzz journeys

help: ## List what can be made.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: ## Install what is missing and start the demonstration: a tenant, its events, a model, predictions.
	@scripts/bootstrap run && exec .venv/bin/seldon-cli demo

test: ## Install what is missing and run every test, on SQLite and again on a PostgreSQL of its own.
	@scripts/bootstrap test && exec .venv/bin/python -m scripts.test

check: ## Format, lint, types, imports, migrations, settings for strangers: under a minute.
	@scripts/bootstrap tools && exec .venv/bin/python -m scripts.check

bench: ## Measure every figure of benchmarks/README.md; ONLY=events for one, ARGS=--write to keep the table.
	@scripts/bootstrap bench && exec .venv/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(ARGS)

docs: ## Draw the reference pages from the code.
	@scripts/bootstrap tools && exec .venv/bin/python -m docs.generate

snippet: ## Minify the tracking snippet (needs Node and npm); what comes out is checked in.
	@scripts/bootstrap tools && exec .venv/bin/python -m scripts.snippet

torture: ## Kill every part under load, 200 times, and count every event.
	@scripts/bootstrap tools && exec .venv/bin/python -m tests.torture 200

fuzz: ## Throw what the OpenAPI document allows, and what it does not, at the running product.
	@scripts/bootstrap tools && exec .venv/bin/pytest tests/journeys -k fuzz --fuzz-examples 60 -q

journeys: ## Run the tests that take minutes: whole days on whole machines, every part killed; TIMES=10 changes.
	@scripts/bootstrap journeys && exec .venv/bin/pytest -m journey -q $(if $(TIMES),--times $(TIMES))
