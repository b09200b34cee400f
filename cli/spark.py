"""seldon-cli spark-submit: a job on a Spark cluster."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import lazy
from cli.run import read_parameters

if TYPE_CHECKING:
    from django import conf

    from offline import jobs, places
    from offline.engines import packing
else:
    conf = lazy("django.conf")
    jobs = lazy("offline.jobs")
    places = lazy("offline.places")
    packing = lazy("offline.engines.packing")


@click.command("spark-submit", context_settings={"ignore_unknown_options": True})
@click.argument("job")
@click.option("--input-date-string", "day", required=True, metavar="YYYYMMDD", help="The day (UTC).")
@click.option("--master", metavar="URL", default="", help="local[*], spark://host:7077, yarn, k8s://…")
@click.option("--environment", type=click.Path(exists=True, path_type=Path), help="Packed Python (.tar.gz).")
@click.option("--parameters", default="{}", metavar="JSON", help="The job's parameters, as an object.")
@click.option(
    "--spark-home", metavar="FOLDER", help="Where bin/spark-submit lies; without: in PATH or pip's."
)
@click.option("--print", "only_print", is_flag=True, help="Print the command and do not run it.")
@click.argument("spark_options", nargs=-1, type=click.UNPROCESSED)
def spark_submit(job: str, day: str, master: str, **words: Any) -> int:
    """Print and run the spark-submit command of JOB; what follows `--` goes to spark-submit.

    \b
    Examples:
      seldon-cli spark-submit split_events --input-date-string 20261121 --master spark://10.0.0.5:7077
      seldon-cli spark-submit split_events --input-date-string 20261121 -- --executor-memory 2g
    """
    parameters = _without_secrets(words["parameters"])
    jobs.load_job(job).check_parameters(parameters)
    place = places.place_of_settings()
    submission = packing.Submission(
        job=job,
        day=day,
        parameters={"store": place.url, **parameters},
        code=packing.pack_code(conf.settings.SELDON_DATA / "run" / "seldon-offline.zip"),
        master=master,
        environment=words["environment"],
        options=words["spark_options"],
    )
    command = submission.command(_find_spark_submit(words["spark_home"]))
    click.echo(shlex.join(command), err=not words["only_print"])
    return 0 if words["only_print"] else subprocess.run(command, check=False).returncode


def _without_secrets(text: str) -> dict[str, Any]:
    found = read_parameters(text)
    if found.keys() & {"awskey", "awssecret"}:
        reason = "a command line shows secrets: set SELDON_STORE_KEY and SELDON_STORE_SECRET"
        raise click.BadParameter(reason, param_hint="--parameters")
    return found


def _find_spark_submit(home: str | None) -> str:
    beside = Path(sys.executable).parent / "spark-submit"
    if home:
        return str(Path(home) / "bin" / "spark-submit")
    found = shutil.which("spark-submit") or (str(beside) if beside.exists() else None)
    if found is None:
        message = "spark-submit is not in PATH: name --spark-home, or pip install 'seldon-api[spark]'"
        raise click.ClickException(message)
    return found
