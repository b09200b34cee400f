"""The error tree: every class is sane, known to machines, and written on every surface."""

from __future__ import annotations

import ast
import json
import re
from http import HTTPStatus

import pytest

from common import errors
from common.errors import SeldonError
from docs.generate import error_classes
from lane import dialects
from predictions.gateway_dialect import GATEWAY
from tests.architecture.source import source_files

CLASSES = error_classes()
BRANCHES = [each for each in CLASSES if each.__module__ == "common.errors"]
LEAVES = [each for each in CLASSES if each.__module__ != "common.errors"]
DIALECTS = [dialects.SELDON_SERVER, dialects.SELDON_CORE, dialects.V2, dialects.PROBLEM, GATEWAY]


def make_error(kind: type[SeldonError]) -> SeldonError:
    """One of `kind` whatever its own arguments are."""
    error = kind.__new__(kind)
    SeldonError.__init__(error, "it went wrong")
    return error


@pytest.mark.parametrize("kind", CLASSES)
def test_code_is_a_word_for_machines(kind: type[SeldonError]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", kind.code)


@pytest.mark.parametrize("kind", CLASSES)
def test_status_is_an_error_of_http(kind: type[SeldonError]) -> None:
    assert HTTPStatus(kind.status).value >= 400


@pytest.mark.parametrize("kind", CLASSES)
def test_error_id_is_one_of_seldon_servers(kind: type[SeldonError]) -> None:
    assert 1 <= kind.error_id <= 39


@pytest.mark.parametrize("kind", CLASSES)
def test_class_says_when_it_happens(kind: type[SeldonError]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != kind.__mro__[1].__doc__


@pytest.mark.parametrize("kind", LEAVES)
def test_leaf_has_the_status_of_its_branch(kind: type[SeldonError]) -> None:
    branch = next(each for each in kind.__mro__ if each in BRANCHES)
    assert kind.status == branch.status


@pytest.mark.parametrize("kind", BRANCHES)
def test_branch_stands_in_the_drawn_tree(kind: type[SeldonError]) -> None:
    assert f"─ {kind.__name__} {kind.status}\n" in (errors.__doc__ or "")


def test_no_two_classes_share_a_code() -> None:
    codes = [kind.code for kind in CLASSES]
    assert sorted(code for code in set(codes) if codes.count(code) > 1) == []


def test_leaves_live_in_a_module_called_errors() -> None:
    names = {kind.__name__ for kind in BRANCHES} | {"SeldonError"}
    strays = [
        f"{file.path} {node.name}"
        for file in source_files()
        if not file.path.endswith("errors.py")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ClassDef) and names & {getattr(base, "id", "") for base in node.bases}
    ]
    assert strays == []


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("kind", CLASSES)
def test_every_dialect_writes_every_error_with_its_status(
    kind: type[SeldonError], dialect: dialects.Dialect
) -> None:
    reply = dialect.write(make_error(kind), None)
    body = json.loads(bytes(reply.body))
    assert reply.status == kind.status
    assert "it went wrong" in json.dumps(body)
    assert set(dialect.schema["required"]) <= body.keys()
