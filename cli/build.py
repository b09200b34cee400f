"""`seldon-cli build` and `seldon-cli bundle`: sources of models as bundles, and the bundles there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import json_option, lazy, prepare_settings
from cli.lazy import LazyModule, NounGroup
from cli.output import print_json, print_record, print_rows

if TYPE_CHECKING:
    from deploy.bundles import records, removing, services, variables
else:
    removing = lazy("deploy.bundles.removing")
    # These ask no database.
    records, services, variables = (
        LazyModule(f"deploy.bundles.{name}", prepare_settings)
        for name in ("records", "services", "variables")
    )

COLUMNS = ("image", "bundle", "model", "service_type", "dependencies", "made_at", "source")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("source")
@click.argument("names", nargs=-1, required=True, metavar="[BUILDER] IMAGE[:TAG]")
@click.option("--ref", default="", help="Branch or tag of a git repository.")
@click.option("--context-dir", "subfolder", default="", help="Folder in SOURCE that holds the model.")
@click.option("--wheels", type=_FOLDER, help="Folder of wheels that are looked at first.")
@click.option("--inject", "-i", default="", metavar="DIR:/whl", help="The same in s2i's words.")
@click.option("--env", "-e", "pairs", multiple=True, metavar="NAME=VALUE", help="Over .s2i/environment.")
@click.option("--environment-file", "-E", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--context", type=click.Path(path_type=Path), help="Write a folder for `docker build`, too.")
@click.option("--no-cache", "is_fresh", is_flag=True, help="Install again although nothing changed.")
@click.option("--incremental", is_flag=True, help="Taken for s2i's sake: what is unchanged is always kept.")
@json_option
def build(source: str, names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Make a bundle of SOURCE, a folder or git repository, and name it IMAGE:TAG.

    SOURCE is what s2i takes: .s2i/environment with MODEL_NAME and SERVICE_TYPE, the module of the class,
    and one of requirements.txt, setup.py and environment.yml. Where `s2i build` names its builder image
    the word may stay. Deployments that name the image run the bundle; one that runs already is replaced.

    \b
    Examples:
      seldon-cli build . company/classifier:0.1
      seldon-cli build https://git.example.org/models.git company/classifier:0.2 --context-dir iris
      seldon-cli build . company/classifier:0.1 --context ./image && docker build ./image
    """
    wheels = given["wheels"] or _injected(given["inject"])
    asked = records.Build(
        source=source,
        image=_image(names),
        ref=given["ref"],
        subfolder=given["subfolder"],
        wheels=wheels,
        variables=_variables(given["environment_file"], given["pairs"]),
        is_fresh=given["is_fresh"],
    )
    made = services.build_bundle(asked, lambda line: click.echo(f"  {line}", err=True), given["context"])
    if as_json:
        print_json(made.as_row())
        return
    click.echo(f"{click.style('built', fg='green')} {made.image}  (bundle {made.bundle.key})")
    click.echo(f"  try it: {made.bundle.run}   then POST http://127.0.0.1:9000/predict")
    if given["context"]:
        click.echo(f"  image:  docker build -t {made.image} {given['context']}")


@click.group(cls=NounGroup)
def bundle() -> None:
    """List, show, remove bundles.

    \b
    Examples:
      seldon-cli bundle list
      seldon-cli bundle show company/classifier:0.1
      seldon-cli bundle remove company/classifier:0.1
    """


@bundle.command("list")
@json_option
def list_bundles(as_json: bool) -> None:
    """List the image names that stand for a bundle."""
    rows = [each.as_row() for each in services.bundle_store().all()]
    print_rows(rows, as_json=as_json, columns=COLUMNS, empty="no bundles; make one with `seldon-cli build`")


@bundle.command()
@click.argument("image")
@json_option
def show(image: str, as_json: bool) -> None:
    """Show the bundle that IMAGE stands for."""
    found = services.bundle_store().get(image)
    print_record(found.as_row() | {"variables": found.bundle.variables}, as_json=as_json)


@bundle.command()
@click.argument("image")
@json_option
def remove(image: str, as_json: bool) -> None:
    """Remove IMAGE, and delete what only it used."""
    removing.remove_bundle(image)
    if as_json:
        print_json({"image": image, "removed": True})
    else:
        click.echo(f"{image} is removed")


def _image(names: tuple[str, ...]) -> str:
    if len(names) > 2 or (len(names) == 2 and "s2i-python" not in names[0]):
        raise click.UsageError("give a source and one image name; options begin with --")
    if len(names) == 2:
        click.echo(f"  {names[0]} is not needed: the builder is seldon-cli", err=True)
    return names[-1]


def _injected(words: str) -> Path | None:
    if not words:
        return None
    folder, colon, place = words.rpartition(":")
    if not colon or place != "/whl" or not Path(folder).is_dir():
        raise click.BadParameter("write an existing folder and :/whl", param_hint="--inject")
    return Path(folder)


def _variables(file: Path | None, pairs: tuple[str, ...]) -> dict[str, str]:
    text = "\n".join([file.read_text("utf-8", "replace") if file else "", *pairs])
    problems: list[str] = []
    found: dict[str, str] = variables.parse_variables(text, problems)
    if problems:
        raise click.BadParameter("write NAME=VALUE", param_hint="--env")
    return found
