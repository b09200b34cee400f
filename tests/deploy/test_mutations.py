"""Whatever is wrong with a manifest is told as such: no part of the way from text to objects breaks on it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import SeldonError
from deploy.manifests import cautions_of, default_manifest, faults_of, manifest_from, write_manifest
from deploy.manifests.documents import read_documents
from deploy.rendering import ENGINES, INGRESSES, NotRenderableError, Options, render_manifest
from tests.deploy.golden import EXAMPLES

Path = tuple[str | int, ...]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "a/b",
    "5s",
    [],
    {},
    [None],
    [1],
    {"a": 1},
    {"name": None},
    [{}],
    10**30,
]


@cache
def documents() -> list[dict[str, Any]]:
    values = [each.value for path in EXAMPLES for each in read_documents(path.read_text())]
    return [item for value in values for item in value.get("items", [value])]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a document."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*at, key))


PLACES = [(number, path) for number, document in enumerate(documents()) for path in paths(document)]


def changed(number: int, path: Path, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(documents()[number])
    inside: Any = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return document


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(ODD))
def test_any_value_at_any_place_is_taken_or_refused_in_words(place: tuple[int, Path], value: Any) -> None:
    with suppress(SeldonError):
        manifest = manifest_from(changed(*place, value))
        assert manifest_from(write_manifest(manifest)) == manifest
        cautions_of(manifest)
        default_manifest(manifest)
        if not faults_of(manifest):
            for engine in ENGINES:
                for ingress in INGRESSES:
                    with suppress(NotRenderableError):
                        render_manifest(manifest, Options(engine=engine, ingress=ingress))
