"""Which packages a source asks for, and what of conda's files is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.bundles.dependencies import Dependencies, read_dependencies
from deploy.bundles.errors import SourceUnusableError
from tests.deploy.bundles.sources import make_source


def read(source: Path) -> tuple[Dependencies, list[str]]:
    said: list[str] = []
    return read_dependencies(source, said.append), said


def own_list(source: Path) -> list[str]:
    return (source / ".seldon-requirements.txt").read_text().splitlines()


def test_first_of_the_three_files_counts(tmp_path: Path) -> None:
    source = make_source(
        tmp_path, requirements_txt="numpy\n", setup_py="", environment_yml="dependencies: []"
    )
    assert read(source)[0].words == ("-r", "requirements.txt")


def test_source_without_any_asks_for_nothing(tmp_path: Path) -> None:
    assert read(make_source(tmp_path))[0] == Dependencies("")


def test_comments_do_not_change_the_environment(tmp_path: Path) -> None:
    plain = read(make_source(tmp_path / "a", requirements_txt="numpy==2.0\n"))[0]
    commented = read(make_source(tmp_path / "b", requirements_txt="# why\nnumpy==2.0  # because\n"))[0]
    assert plain == commented


def test_included_list_changes_the_environment(tmp_path: Path) -> None:
    source = make_source(tmp_path, requirements_txt="-r more.txt\n", more_txt="numpy==2.0\n")
    before = read(source)[0]
    (source / "more.txt").write_text("numpy==2.1\n")
    assert read(source)[0].digest != before.digest


def test_package_in_the_source_changes_with_its_files(tmp_path: Path) -> None:
    source = make_source(tmp_path, requirements_txt="./lib\n")
    before = read(source)[0]
    (source / "lib.py").write_text("changed = True")
    assert read(source)[0].digest != before.digest


@pytest.mark.parametrize("line", ["seldon-core", "seldon_core==1.18.0", "Seldon-Core[all]>=1.5"])
def test_seldon_core_is_left_out_and_that_is_told(tmp_path: Path, line: str) -> None:
    source = make_source(tmp_path, requirements_txt=f"numpy\n{line}\n")
    _, said = read(source)
    assert own_list(source) == ["numpy"]
    assert "seldon-core is not installed" in said[0]


def test_package_that_only_begins_like_it_stays(tmp_path: Path) -> None:
    source = make_source(tmp_path, requirements_txt="seldon-core-mine==1.0\n")
    assert read(source)[0].words == ("-r", "requirements.txt")


def test_pip_list_of_a_conda_file_is_installed(tmp_path: Path) -> None:
    text = "name: x\ndependencies:\n- python=3.6\n- pip\n- pip:\n  - tinything==1.0\n"
    source = make_source(tmp_path, environment_yml=text)
    found, said = read(source)
    assert (found.kind, own_list(source)) == ("environment.yml", ["tinything==1.0"])
    assert "asks for Python 3.6" in said[0]


def test_seldon_core_is_left_out_of_a_conda_files_list_too(tmp_path: Path) -> None:
    text = "dependencies:\n- pip:\n  - seldon-core==1.17.1\n  - tinything==1.0\n"
    source = make_source(tmp_path, environment_yml=text)
    _, said = read(source)
    assert own_list(source) == ["tinything==1.0"]
    assert "seldon-core is not installed" in said[0]


def test_packages_of_conda_are_refused_each_by_name(tmp_path: Path) -> None:
    text = "dependencies:\n- numpy=1.20\n- conda-forge::xgboost\n- pip:\n  - scipy\n"
    with pytest.raises(SourceUnusableError) as caught:
        read(make_source(tmp_path, environment_yml=text))
    assert len(caught.value.problems) == 2
    assert "numpy=1.20" in caught.value.message


def test_conda_file_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnusableError, match="not YAML"):
        read(make_source(tmp_path, environment_yml="dependencies: ["))
