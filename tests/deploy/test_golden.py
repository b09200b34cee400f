"""The golden files are what the code makes today, and the examples are manifests without a fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from deploy.manifests import cautions_of, check_manifests, read_manifests, write_manifest
from deploy.manifests.documents import read_documents
from tests.deploy.golden import EXAMPLES, GOLDEN, files

# A helper beside the unit, which the graph never calls.
MEANT = {"chain": ["cache"]}


@pytest.mark.parametrize(("path", "make"), list(files()), ids=lambda value: getattr(value, "stem", ""))
def test_golden_file_is_current(path: Path, make: Callable[[], str]) -> None:
    assert make() == path.read_text(), "run `python -m tests.deploy.golden` and look at what changed"


def test_no_golden_file_is_left_over() -> None:
    assert set(GOLDEN.rglob("*.*")) == {path for path, _ in files()}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_no_fault_and_only_warnings_that_are_meant(path: Path) -> None:
    manifests = read_manifests(path.read_text())
    check_manifests(manifests)
    told = [each.value for manifest in manifests for each in cautions_of(manifest)]
    assert told == MEANT.get(path.stem, [])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_written_as_it_was_read(path: Path) -> None:
    objects = [each.value for each in read_documents(path.read_text())]
    flat = [item for value in objects for item in value.get("items", [value])]
    assert [write_manifest(each) for each in read_manifests(path.read_text())] == flat


def test_defaulted_golden_files_are_yaml_of_as_many_deployments() -> None:
    for path in EXAMPLES:
        made = list(yaml.safe_load_all((GOLDEN / "defaulted" / f"{path.stem}.yaml").read_text()))
        assert len(made) == len(read_manifests(path.read_text()))
