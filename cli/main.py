"""seldon-cli: the table of its commands, and the door through which every failure leaves."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Final, NoReturn

import click

from cli.context import bootstrap, explain
from cli.lazy import Entry, LazyGroup
from common.errors import SeldonError
from common.version import VERSION

RUN: Final = "Run"
TENANTS: Final = "Clients and keys"
WORK: Final = "Events, models, configuration"
MODELS: Final = "Deployments of models"
TOOLS: Final = "Tools"


def _deployment(name: str, line: str) -> Entry:
    return Entry(f"cli.deployment:{name}", line, MODELS, django=False)


ENTRIES: Final = {
    "serve": Entry(
        "cli.serve:serve", "Start the whole machine: API workers, shipper, local models.", RUN, django=False
    ),
    "demo": Entry("cli.demo:demo", "Make the tenant `demo` with a model, events and predictions.", RUN),
    "kubernetes-operator": Entry(
        "cli.kubernetes_operator:kubernetes_operator",
        "Run the SeldonDeployments of a Kubernetes cluster.",
        RUN,
        django=False,
    ),
    "migrate": Entry("cli.machine:migrate", "Bring the database up to date.", RUN, django=False),
    "check": Entry("cli.machine:check", "Check every setting and say what is wrong.", RUN, django=False),
    "doctor": Entry("cli.doctor:doctor", "Say what is wrong with this machine.", RUN, django=False),
    "backup": Entry("cli.backup:backup", "Write this installation to one file.", RUN, django=False),
    "restore": Entry("cli.backup:restore", "Make an installation out of a backup.", RUN, django=False),
    "client": Entry("cli.client:client", "Set up, list, show, disable clients.", TENANTS, django=False),
    "keys": Entry("cli.keys:keys", "Create, list, rotate, revoke consumer keys.", TENANTS, django=False),
    "operator": Entry("cli.operator:operator", "Create operators, reset passwords.", TENANTS, django=False),
    "microservice": Entry(
        "cli.microservice:microservice", "Register, test, remove microservices.", WORK, django=False
    ),
    "config": Entry(
        "cli.config:config", "Read, write, roll back configuration documents.", WORK, django=False
    ),
    "rpc": Entry("cli.rpc:rpc", "Register messages of Seldon Server's gRPC.", WORK, django=False),
    "zk": Entry(
        "cli.zk:zk", "Move documents between the store and Seldon's ZooKeeper files.", WORK, django=False
    ),
    "render": Entry(
        "cli.render:render", "Print the Kubernetes objects of SeldonDeployments.", WORK, django=False
    ),
    "run": Entry("cli.run:run", "Start, follow, cancel background runs.", WORK, django=False),
    "events": Entry("cli.events:events", "Follow and count what clients sent.", WORK, django=False),
    "spark-submit": Entry("cli.spark:spark_submit", "Run a job on a Spark cluster.", WORK, django=False),
    "build": Entry("cli.build:build", "Make a bundle of a model's source.", MODELS, django=False),
    "bundle": Entry("cli.build:bundle", "List, show, remove bundles.", MODELS, django=False),
    "secret": Entry("cli.values:secret", "Keep secrets for deployments.", MODELS, django=False),
    "configmap": Entry("cli.values:configmap", "Keep config maps for deployments.", MODELS, django=False),
    "apply": _deployment("apply", "Make deployments what manifests say."),
    "diff": _deployment("diff", "Show what apply would change."),
    "get": _deployment("get", "List deployments and how they do."),
    "describe": _deployment("describe", "Show a deployment with its units and history."),
    "wait": _deployment("wait", "Wait until a deployment is available."),
    "logs": Entry(
        "cli.deployment_logs:logs", "Print what a deployment's processes wrote.", MODELS, django=False
    ),
    "scale": _deployment("scale", "Run more or fewer processes."),
    "promote": _deployment("promote", "Give a predictor the traffic."),
    "rollback": _deployment("rollback", "Make a deployment what it was before."),
    "delete": _deployment("delete", "Delete deployments."),
    "start-microservice": Entry(
        "cli.start_microservice:start_microservice", "Start images and split traffic.", MODELS, django=False
    ),
    "run-prediction-microservice": Entry(
        "cli.start_microservice:run_prediction_microservice",
        "Start one image for all traffic.",
        MODELS,
        django=False,
    ),
    "api": Entry("cli.api:api", "Call a running server as one of its clients.", TOOLS, django=False),
    "completion": Entry(
        "cli.completion:completion", "Print a shell's completion script.", TOOLS, django=False
    ),
}

HELP: Final = """Run and manage a seldon-api installation.

\b
Examples:
  seldon-cli serve
  seldon-cli client setup acme
  seldon-cli keys list --client acme
  seldon-cli api --client-name acme --endpoint /predict --json '{"data":[1,2]}'

Exit codes: 0 done, 1 refused or failed (the reason is on stderr), 2 wrong usage, 130 stopped by Ctrl-C."""


@click.group(
    cls=LazyGroup, entries=ENTRIES, prepare=bootstrap, help=HELP, context_settings={"max_content_width": 110}
)
@click.version_option(VERSION, prog_name="seldon-cli")
@click.option("--debug", is_flag=True, help="Show where an unexpected failure happened.")
@click.pass_context
def seldon_cli(ctx: click.Context, debug: bool) -> None:
    ctx.obj = {"debug": debug}


def main(args: list[str] | None = None) -> NoReturn:
    """Run one command line and leave with its exit code."""
    words = sys.argv[1:] if args is None else args
    sys.exit(run(words))


def start_microservice() -> NoReturn:
    """The command of that name by which Seldon Server's guides call it."""
    main(["start-microservice", *sys.argv[1:]])


def run_prediction_microservice() -> NoReturn:
    """The older script `run_prediction_microservice.sh` of Seldon Server."""
    main(["run-prediction-microservice", *sys.argv[1:]])


def run(words: list[str]) -> int:
    """The exit code of one command line; every failure is told on stderr in a sentence."""
    try:
        result = seldon_cli.main(args=words, prog_name="seldon-cli", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except SeldonError as error:
        return _fail(error.message)
    except BrokenPipeError:
        return _hang_up()
    except Exception as error:  # noqa: BLE001  the outermost door
        return _fail_unexpectedly(error, debug="--debug" in words)
    return result if isinstance(result, int) else 0


def _fail(message: str) -> int:
    click.echo(f"{click.style('Error:', fg='red')} {message}", err=True)
    return 1


def _fail_unexpectedly(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    known = explain(error)
    where = "" if known or debug else "\nRun it again as `seldon-cli --debug …` to see where."
    return _fail((known or f"unexpected {type(error).__name__}: {error}") + where)


def _hang_up() -> int:
    """The reader of our output went away (`| head`): nothing to say, and nothing to flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
