"""An explainer is started with the words of Seldon Core's explainer image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from microservice.explainer import find_kind, list_parameters, main
from tests.microservice.running import Served, end, environment
from tests.microservice.shipped import read_port
from tests.microservice.units.upstreams import answering


@pytest.mark.parametrize("kind", ["KernelShap", "kernel_shap", "KERNEL_SHAP"])
def test_kind_is_found_however_it_is_written(kind: str) -> None:
    assert find_kind(kind) == "KERNEL_SHAP"


def test_words_after_the_kind_are_parameters_with_the_type_they_look_like() -> None:
    given = {"model_name": "7", "storage_uri": "/models"}
    found = {
        each["name"]: (each["value"], each["type"])
        for each in list_parameters(given, ("--a=1", "--b=.5", "--c=x=y"))
    }
    assert found == {
        "model_name": ("7", "STRING"), "model_uri": ("/models", "STRING"),
        "a": ("1", "INT"), "b": (".5", "FLOAT"), "c": ("x=y", "STRING"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--predictor_host=h:1", "AnchorTabular"], "AnchorTabular does not ship; there are KernelShap"),
        (["--predictor_host=h:1", "KernelShap", "nsamples"], "nsamples: write parameters as --name=value"),
        (["KernelShap"], "Missing option '--predictor_host'"),
    ],
)
def test_wrong_words_are_told(words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, said in done.output) == (2, True), done.output


@pytest.mark.slow
def test_it_serves_what_the_words_say(tmp_path: Path) -> None:
    np.save(tmp_path / "reference.npy", np.random.default_rng(1).normal(size=(30, 2)))
    with answering(lambda path, body: {"predictions": [row[0] for row in body["instances"]]}) as asked:
        code = "from microservice.explainer import main; main()"
        words = [f"--predictor_host={asked.address}", "--model_name=iris", "--protocol=tensorflow.http"]
        words += ["--http_port=0", "--host=127.0.0.1", f"--storage_uri={tmp_path}"]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words, "PermutationImportance", "--n_repeats=3"],
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            served = Served(process, read_port(process))
            status, answer = served.post("/v1/models/iris:explain", {"instances": [[1, 2]]})
        finally:
            end(process)
    first, second = answer["data"]["feature_importance"][0]
    assert (status, second["mean"], len(first["samples"])) == (200, 0, 3)
    assert first["mean"] > 0.5
