"""The image that models' images begin with keeps its promises, as far as it can be told without Docker."""

from __future__ import annotations

import json
import re
import tomllib

from tests.architecture.source import ROOT

FILE = ROOT / "deploy" / "docker" / "microservice.Dockerfile"


def stages() -> list[dict[str, list[str]]]:
    """The instructions of each stage, by their word."""
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[dict[str, list[str]]] = []
    for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line):
        if word == "FROM":
            found.append({})
        if found:
            found[-1].setdefault(word, []).append(rest)
    return found


def test_it_runs_without_rights_what_the_distribution_installs() -> None:
    build, last = stages()
    project = tomllib.loads((ROOT / "microservice" / "pyproject.toml").read_text())["project"]
    [program] = json.loads(last["ENTRYPOINT"][0])
    assert program in project["scripts"]
    assert last["USER"] == ["8888:8888"]
    assert "pip install" in build["RUN"][0]
    assert "pip install" not in last["RUN"][0]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    [source] = stages()[0]["COPY"]
    folder = source.split()[0]
    assert (ROOT / folder / "pyproject.toml").is_file()
    ignored = FILE.with_name(f"{FILE.name}.dockerignore").read_text().splitlines()
    assert f"!{folder}" in ignored


def test_ports_are_those_that_the_microservice_listens_on_by_itself() -> None:
    text = "".join(path.read_text() for path in (ROOT / "microservice").glob("*.py")).replace("_", "")
    for port in stages()[1]["EXPOSE"][0].split():
        assert re.search(rf"\b{port}\b", text)
