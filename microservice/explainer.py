"""The command `seldon-explainer`: an explainer started with the words of Seldon Core's explainer image."""

from __future__ import annotations

import json

import click

from microservice.main import main as serve

KINDS = ("KERNEL_SHAP", "PERMUTATION_SHAP", "PERMUTATION_IMPORTANCE")


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "show_default": True,
        "help_option_names": ["-h", "--help"],
    }
)
@click.option("--model_name", "--model-name", default="model", help="Name in the paths of TensorFlow and v2.")
@click.option("--predictor_host", "--predictor-host", required=True, help="host:port of the predictor.")
@click.option(
    "--protocol", default="seldon.http", help="How it is asked: also tensorflow.http, kfserving.http."
)
@click.option(
    "--http_port", "--http-port", type=click.IntRange(0, 65535), default=8080, help="Where to serve."
)
@click.option("--storage_uri", "--storage-uri", default="", help="Folder or file of usual rows.")
@click.option("--host", default="0.0.0.0", help="Address to listen on.")  # noqa: S104 - as the original
@click.argument("kind")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def main(kind: str, more: tuple[str, ...], host: str, http_port: int, **given: str) -> None:
    """Explain a predictor by KIND: KernelShap, PermutationShap or PermutationImportance.

    What follows KIND are its parameters, as --nsamples=100.
    """
    parameters = json.dumps(list_parameters(given, more))
    words = ["--host", host, "--port", str(http_port), "--model-name", given["model_name"]]
    serve.main([find_kind(kind), *words, "--parameters", parameters], prog_name="seldon-explainer")


def list_parameters(given: dict[str, str], more: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the explainer's parameters: what its own options gave, and the words after the kind."""
    named = {"model_uri" if name == "storage_uri" else name: value for name, value in given.items()}
    texts = [{"name": name, "value": value, "type": "STRING"} for name, value in named.items()]
    return texts + [describe(*read_word(word)) for word in more]


def find_kind(kind: str) -> str:
    """Return the word of an explainer, however it is written: KernelShap, kernel_shap."""
    plain = kind.replace("_", "").lower()
    for word in KINDS:
        if word.replace("_", "").lower() == plain:
            return word
    raise click.UsageError(
        f"{kind} does not ship; there are KernelShap, PermutationShap, PermutationImportance"
    )


def read_word(word: str) -> tuple[str, str]:
    """Return name and value of `--name=value`."""
    name, is_given, value = word.removeprefix("--").partition("=")
    if not word.startswith("--") or not is_given:
        raise click.UsageError(f"{word}: write parameters as --name=value")
    return name, value


def describe(name: str, value: str) -> dict[str, str]:
    """Return a parameter with the type that its value looks like."""
    for kind, read in (("INT", int), ("FLOAT", float)):
        try:
            read(value)
        except ValueError:
            continue
        return {"name": name, "value": value, "type": kind}
    return {"name": name, "value": value, "type": "STRING"}
