"""Bundles made for real, without a network: packages come from wheels that the tests write."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy import ports
from deploy.bundles.errors import (
    BundleMissingError,
    ContextExistsError,
    ImageNameError,
    InstallationError,
    SourceUnusableError,
)
from deploy.bundles.records import Build, NamedBundle
from deploy.bundles.removing import remove_bundle
from deploy.bundles.services import build_bundle, bundle_store
from deploy.waiting import answers, wait_until
from tests.deploy.bundles.sources import CLASS, make_source, make_wheel

IMAGE = "company/doubler:0.1"
BACKEND = """
import shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return shutil.copy("mine-1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""
USES_WHEEL = CLASS.replace("return X * 2", "import tinything\n        return [[tinything.VERSION]]")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.SELDON_DATA = tmp_path / "data"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "data"


def build(source: Path, image: str = IMAGE, said: list[str] | None = None, **more: Any) -> NamedBundle:
    context = more.pop("context", None)
    return build_bundle(Build(str(source), image, **more), ([] if said is None else said).append, context)


def written_at(made: NamedBundle) -> dict[str, int]:
    """When each file that a bundle's environment holds was written; what Python compiles itself aside."""
    folder = (made.bundle.run.parent / "environment").resolve()
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {str(path): path.lstat().st_mtime_ns for path in files}


@contextmanager
def running(made: NamedBundle, **variables: str) -> Iterator[str]:
    port = str(ports.free_port())
    others = {"PREDICTIVE_UNIT_GRPC_SERVICE_PORT": "0", "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "0"}
    given = others | {"PREDICTIVE_UNIT_HTTP_SERVICE_PORT": port} | variables
    words = ["env", *(f"{name}={value}" for name, value in given.items()), str(made.bundle.run)]
    with subprocess.Popen([*words, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            assert wait_until(lambda: answers(f"{url}/health/ping"), 30)
            yield url
        finally:
            process.terminate()


def predict(url: str) -> Any:
    body = json.dumps({"data": {"ndarray": [[1.5]]}}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())["data"]["ndarray"]


@pytest.mark.slow
def test_bundle_serves_its_class_with_the_packages_it_asked_for(tmp_path: Path) -> None:
    make_wheel(tmp_path / "whl", "tinything", "1.0")
    source = make_source(tmp_path / "source", USES_WHEEL, requirements_txt="tinything==1.0\n")
    with running(build(source, wheels=tmp_path / "whl")) as url:
        assert predict(url) == [["1.0"]]


@pytest.mark.slow
def test_setup_py_is_installed(tmp_path: Path) -> None:
    make_wheel(tmp_path / "whl", "tinything", "2.0")
    make_wheel(tmp_path / "source", "mine", needs="tinything")
    source = make_source(tmp_path / "source", USES_WHEEL, setup_py="", backend_py=BACKEND)
    # Builds without a network; a plain setup.py is built by setuptools, which pip fetches.
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    with running(build(source, wheels=tmp_path / "whl")) as url:
        assert predict(url) == [["2.0"]]


@pytest.mark.slow
def test_before_run_is_executed_and_a_variable_that_is_set_wins(tmp_path: Path) -> None:
    text = CLASS.replace("return X * 2", "return [[open('made').read().strip()]]")
    environment = 'MODEL_NAME=Doubler\nSERVICE_TYPE=MODEL\nWORD=it\'s "own" $HOME\n'
    source = make_source(tmp_path / "source", text, environment)
    (source / "before-run").write_text('#!/bin/sh\necho "$WORD" > made\n')
    (source / "before-run").chmod(0o755)
    made = build(source)
    with running(made) as url:
        assert predict(url) == [['it\'s "own" $HOME']]
    with running(made, WORD="set") as url:
        assert predict(url) == [["set"]]


def test_second_build_of_unchanged_requirements_leaves_their_environment_as_it_is(tmp_path: Path) -> None:
    make_wheel(tmp_path / "whl", "tinything")
    source = make_source(tmp_path / "source", requirements_txt="tinything\n")
    first = build(source, wheels=tmp_path / "whl")
    (source / "Doubler.py").write_text(f"{CLASS}\n# changed\n")
    said: list[str] = []
    before = written_at(first)
    second = build(source, wheels=tmp_path / "whl", said=said)
    assert written_at(second) == before != {}
    assert any("used again" in line for line in said)
    assert first.bundle.environment == second.bundle.environment
    assert first.bundle.key != second.bundle.key


def test_same_source_is_the_same_bundle(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    assert build(source).bundle.key == build(source, "other:2").bundle.key
    assert [each.image for each in bundle_store().all()] == [IMAGE, "other:2"]


def test_our_own_packages_are_not_lent_to_a_model(tmp_path: Path) -> None:
    python = build(make_source(tmp_path / "source")).bundle.folder / "environment" / "bin" / "python"
    done = subprocess.run([python, "-c", "import microservice, numpy, grpc, yaml; import django"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'django'"


def test_package_that_cannot_be_had_leaves_the_former_bundle(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    former = build(source)
    (source / "requirements.txt").write_text("surely-no-such-thing==1.0\n")
    with pytest.raises(InstallationError, match="surely-no-such-thing"):
        build(source)
    assert bundle_store().get(IMAGE).bundle == former.bundle


def test_requirement_that_our_microservice_cannot_go_with_is_told(tmp_path: Path) -> None:
    make_wheel(tmp_path / "whl", "tinything", needs="protobuf==3.20.0")
    source = make_source(tmp_path / "source", requirements_txt="tinything\n")
    with pytest.raises(InstallationError, match="protobuf"):
        build(source, wheels=tmp_path / "whl")


def test_build_that_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    made = build(source)
    environment = bundle_store().environments.folder(made.bundle.environment)
    (environment / ".whole").unlink()
    (environment / "bin" / "python").unlink()
    assert (build(source).bundle.folder / "environment" / "bin" / "python").exists()


@pytest.mark.django_db
def test_removed_image_takes_along_what_only_it_used(tmp_path: Path, data: Path) -> None:
    source = make_source(tmp_path / "source")
    build(source)
    build(source, "other:1")
    remove_bundle(IMAGE)
    assert bundle_store().find("other:1")
    remove_bundle("other:1")
    assert list((data / "bundles" / "made").iterdir()) == []
    assert list((data / "bundles" / "environments").glob("*/")) == []


def test_nothing_is_swept_away_while_something_is_built(tmp_path: Path) -> None:
    made = build(make_source(tmp_path / "source"))
    bundle_store().forget(IMAGE)
    with bundle_store().workshop():
        assert bundle_store().sweep() == []
    assert bundle_store().sweep() == [made.bundle.key]


def test_image_without_a_bundle_says_how_to_make_one() -> None:
    with pytest.raises(BundleMissingError, match=r"seldon-cli build <source folder> nobody/x:1"):
        bundle_store().get("nobody/x:1")


def test_name_without_a_tag_is_latest(tmp_path: Path) -> None:
    assert build(make_source(tmp_path / "source"), "doubler").image == "doubler:latest"
    assert bundle_store().find("doubler:latest")


@pytest.mark.parametrize("name", ["", "a b", "../x", "a:", "-x", "a//b"])
def test_name_that_no_image_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageNameError):
        build(make_source(tmp_path / "source"), name)


def test_index_with_a_password_is_not_kept(tmp_path: Path, data: Path) -> None:
    build(
        make_source(tmp_path / "source"),
        variables={"EXTRA_INDEX_URL": "https://me:secret@index.example.org/"},
    )
    made = bundle_store().get(IMAGE).bundle
    assert "EXTRA_INDEX_URL" not in made.variables
    assert "secret" not in (made.folder / "run").read_text() + (made.folder / "bundle.json").read_text()


def test_index_with_a_password_in_the_source_reaches_neither_bundle_nor_context(tmp_path: Path) -> None:
    told = "MODEL_NAME=Doubler\nEXTRA_INDEX_URL = https://me:secret@index.example.org/\nSERVICE_TYPE=MODEL\n"
    source = make_source(tmp_path / "source", environment=told)
    (source / ".s2i" / "environment").chmod(0o444)
    made = build(source, context=tmp_path / "image")
    files = [path for top in (made.bundle.folder, tmp_path / "image") for path in top.rglob("*")]
    kept = made.bundle.folder / "source" / ".s2i" / "environment"
    assert kept.read_text() == "MODEL_NAME=Doubler\nSERVICE_TYPE=MODEL\n"
    assert [path for path in files if path.is_file() and b"secret@" in path.read_bytes()] == []
    assert "ARG PIP_EXTRA_INDEX_URL\n" in (tmp_path / "image" / "Dockerfile").read_text()


def test_context_holds_everything_that_its_dockerfile_copies(tmp_path: Path) -> None:
    make_wheel(tmp_path / "whl", "tinything")
    source = make_source(tmp_path / "source", requirements_txt="tinything\n")
    build(source, wheels=tmp_path / "whl", context=tmp_path / "image")
    lines = (tmp_path / "image" / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY")]
    assert [name for name in copied if not (tmp_path / "image" / name).exists()] == []
    assert (tmp_path / "image" / "whl" / "tinything-1.0-py3-none-any.whl").exists()
    assert "-r requirements.txt /opt/seldon-microservice" in "\n".join(lines)


def test_context_has_the_authors_files_and_not_what_a_running_bundle_left_there(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    (build(source).bundle.folder / "source" / "left-by-a-process").touch()
    build(source, context=tmp_path / "image")
    names = {path.name for path in (tmp_path / "image" / "source").iterdir()}
    assert names == {".s2i", "Doubler.py"}


def test_context_is_not_written_over_a_folder_that_holds_something(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    with pytest.raises(ContextExistsError):
        build(source, context=source)


def test_source_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceUnusableError):
        build(tmp_path / "empty")
