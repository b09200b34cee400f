"""`seldon-cli render`: the Kubernetes objects of a deployment, printed."""

from __future__ import annotations

import click

from cli.manifest_files import read_texts
from deploy.manifests import cautions_of, read_and_check_all, write_objects
from deploy.rendering import ENGINES, INGRESSES, Options, render_manifest


@click.command()
@click.option("--filename", "-f", "sources", multiple=True, required=True, metavar="FILE|FOLDER|URL|-")
@click.option("--recursive", "-R", is_flag=True, help="Folders within folders, too.")
@click.option(
    "--ingress", type=click.Choice(INGRESSES), default="none", help="What lets requests in; none by default."
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="gateway",
    help="Who runs graphs: this product's gateway, or Seldon Core's orchestrator beside the units.",
)
@click.option("--host", default="", help="Host name that requests come by.")
@click.option("--output", "-o", "form", type=click.Choice(["yaml", "json"]), default="yaml")
def render(
    sources: tuple[str, ...], recursive: bool, ingress: str, engine: str, host: str, form: str
) -> None:
    """Print the Kubernetes objects that SeldonDeployments become, and change nothing.

    Warnings go to stderr, so that the output can be piped on.

    \b
    Examples:
      seldon-cli render -f deployment.yaml
      seldon-cli render -f deployment.yaml --engine orchestrator --ingress istio -o json
    """
    found = read_and_check_all(read_texts(sources, recursive=recursive))
    for caution in (caution for each in found for caution in cautions_of(each)):
        click.secho(f"{caution.subject}: {caution}", fg="yellow", err=True)
    options = Options(ingress=ingress, engine=engine, host=host)  # type: ignore[arg-type]  # click's choices
    made = [each for manifest in found for each in render_manifest(manifest, options)]
    click.echo(write_objects(made, form), nl=False)
