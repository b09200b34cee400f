"""The image and the compose file keep what they promise, as far as it can be told without Docker."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from docs.generate import settings_read
from tests.architecture.source import PACKAGES, ROOT

DOCKER = ROOT / "deploy" / "docker"


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of each instruction, with continued lines joined and comments left out."""
    lines = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def last_stage() -> dict[str, list[str]]:
    found = instructions()
    start = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    stage: dict[str, list[str]] = {}
    for word, rest in found[start:]:
        stage.setdefault(word, []).append(rest)
    return stage


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return found


def test_image_has_two_stages_and_runs_without_rights() -> None:
    assert [word for word, _ in instructions()].count("FROM") == 2
    stage = last_stage()
    assert stage["USER"] == ["10001:10001"]
    assert "pip install" not in " ".join(stage["RUN"])


@pytest.mark.parametrize("word", ["HEALTHCHECK", "ENTRYPOINT", "CMD", "VOLUME"])
def test_no_shell_stands_between_docker_and_the_product(word: str) -> None:
    [rest] = last_stage()[word]
    words = json.loads(rest[rest.index("[") :])
    assert words
    assert not {"sh", "bash", "curl"} & set(words)


def test_health_check_is_a_program_that_compiles() -> None:
    [rest] = last_stage()["HEALTHCHECK"]
    words = json.loads(rest[rest.index("[") :])
    compile(words[-1], "HEALTHCHECK", "exec")
    assert "/readyz" in words[-1]


def test_settings_of_the_image_exist() -> None:
    names = set(re.findall(r"\b((?:SELDON|LOG)_[A-Z_]+)=", " ".join(last_stage()["ENV"])))
    assert names <= {setting.name for setting in settings_read()}


def test_builder_is_sent_every_package_and_nothing_secret() -> None:
    sent = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert sent[1] == "*"
    include = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = {name.rstrip("*") for name in include["include"]}
    assert packages >= set(PACKAGES)
    assert packages <= {line[1:] for line in sent if line.startswith("!")}


def test_pages_and_styles_are_part_of_the_package() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    kinds = {pattern.rpartition(".")[2] for pattern in patterns} | {"py", "typed", "pyc", "toml"}
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.*") if path.is_file()]
    # What lies in deploy/ for people to apply is no part of it.
    ours = [path for path in files if path.relative_to(ROOT).parts[:2] not in {
        ("deploy", name) for name in ("docker", "kubernetes", "systemd", "grafana", "prometheus", "fluentd")
    }]  # fmt: skip
    assert {path.suffix[1:] for path in ours} - kinds == set()


def test_every_service_of_ours_is_locked_down() -> None:
    for name in ("api", "migrate"):
        service = compose()["services"][name]
        assert (service["read_only"], service["user"]) == (True, "10001:10001")
    assert compose()["services"]["api"]["stop_grace_period"] == "90s"


def test_passwords_come_from_files() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    known = {setting.name for setting in settings_read()}
    for service in compose()["services"].values():
        assert set(service.get("secrets", ())) <= compose()["secrets"].keys()
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|DATABASE_URL", name):
                assert name.endswith("_FILE")
                assert str(value).startswith("/run/secrets/")
    api = compose()["services"]["api"]["environment"]
    assert {name.removesuffix("_FILE") for name in api} <= known
    assert not re.search(r"postgres://\S+:\w+@", text)


def test_services_wait_for_what_they_need_and_know_each_other() -> None:
    services = compose()["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            has_check = "healthcheck" in services[name]
            assert wait["condition"] != "service_healthy" or has_check
        named = [volume.partition(":")[0] for volume in service.get("volumes", ())]
        assert {name for name in named if not name.startswith(".")} <= compose()["volumes"].keys()
