"""`.s2i/environment`: what is read, and what is refused, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.bundles.errors import SourceUnusableError
from deploy.bundles.variables import read_variables
from tests.deploy.bundles.sources import make_source


def test_any_variable_is_kept_and_comments_are_not(tmp_path: Path) -> None:
    text = "# mine\nMODEL_NAME=Doubler\n\nSERVICE_TYPE = MODEL\nURL=http://h/?a=b\n"
    found = read_variables(make_source(tmp_path, environment=text), {})
    assert found == {"MODEL_NAME": "Doubler", "SERVICE_TYPE": "MODEL", "URL": "http://h/?a=b"}


def test_variables_of_the_command_line_win(tmp_path: Path) -> None:
    assert read_variables(make_source(tmp_path), {"SERVICE_TYPE": "ROUTER"})["SERVICE_TYPE"] == "ROUTER"


def test_persistence_may_be_absent(tmp_path: Path) -> None:
    assert "PERSISTENCE" not in read_variables(make_source(tmp_path), {})


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    source = make_source(tmp_path, environment="SERVICE_TYPE=MODLE\nnonsense\n")
    with pytest.raises(SourceUnusableError) as caught:
        read_variables(source, {})
    assert [word for word in ("MODEL_NAME", "MODLE", "line 2") if word not in caught.value.message] == []


def test_source_without_the_file_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnusableError, match=r"MODEL_NAME is not set in \.s2i/environment"):
        read_variables(tmp_path, {})
