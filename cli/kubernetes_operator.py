"""`seldon-cli kubernetes-operator`: the operator, until it is told to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import click

from cli.context import lazy

if TYPE_CHECKING:
    from deploy import operating
    from deploy.operator import Operator
else:
    operating = lazy("deploy.operating")

_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


@click.command("kubernetes-operator")
def kubernetes_operator() -> None:
    """Run SeldonDeployments of a Kubernetes cluster, until SIGTERM.

    Watches SeldonDeployments of this pod's cluster, or of the one that kubectl talks to, and makes them true.
    Settings that begin with KUBERNETES_ say how. Never run two for the same deployments.

    \b
    Example:
      seldon-cli kubernetes-operator
    """
    # Before there are other threads, which inherit it: the signal comes to the one that waits for it below.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    operator = _operator()
    operator.start()
    click.echo("the operator watches SeldonDeployments", err=True)
    signal.sigwait(_ENDS)
    operator.stop()


def _operator() -> Operator:
    try:
        return operating.configured_operator()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "kubernetes":
            raise
        raise click.ClickException(
            "the package kubernetes is missing: pip install 'seldon-api[kubernetes]'"
        ) from error
