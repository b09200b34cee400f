"""`seldon-cli render` prints Kubernetes objects and nothing else on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.main import run

EXAMPLES = Path(__file__).parents[1] / "deploy" / "examples"


def test_yaml_of_every_object_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-f", str(EXAMPLES / "canary.yaml"), "--engine", "orchestrator", "--ingress", "istio"]
    assert run(["render", *words]) == 0
    printed = capsys.readouterr()
    kinds = [each["kind"] for each in yaml.safe_load_all(printed.out)]
    assert (kinds.count("Deployment"), kinds.count("VirtualService"), printed.err) == (2, 1, "")


def test_json_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "-f", str(EXAMPLES / "list.yaml"), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "List"


def test_folders_are_read_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("minimal", "tree"):
        (tmp_path / f"{name}.yaml").write_text((EXAMPLES / f"{name}.yaml").read_text())
    assert run(["render", "-f", str(tmp_path)]) == 0
    made = [each["metadata"]["labels"] for each in yaml.safe_load_all(capsys.readouterr().out)]
    assert {each["seldon-deployment-id"] for each in made} == {"first", "tree"}


def test_warnings_go_to_stderr_and_faults_end_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (EXAMPLES / "minimal.yaml").read_text()
    odd = tmp_path / "odd.yaml"
    odd.write_text(text.replace("  - name: main", "  - name: main\n    trafic: 3"))
    assert run(["render", "-f", str(odd)]) == 0
    assert "spec.predictors[0].trafic: is not a field" in capsys.readouterr().err
    odd.write_text(text.replace("    graph:\n      name: scorer", "    graph:\n      name: other"))
    assert run(["render", "-f", str(odd)]) == 1
    printed = capsys.readouterr()
    assert "Can't find container for Predictive Unit" in printed.err
    assert printed.out == ""


def test_what_the_ingress_cannot_do_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-f", str(EXAMPLES / "shadow.yaml"), "--engine", "orchestrator", "--ingress", "ingress"]
    assert run(["render", *words]) == 1
    assert "fraud cannot be rendered so: an Ingress has no shadows" in capsys.readouterr().err
