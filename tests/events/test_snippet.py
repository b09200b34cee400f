"""The snippet as a file: small, current, and served at its addresses."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from events.snippet import snippet, snippet_routes, source_map, versioned_name
from scripts.snippet import BUILT, SOURCE, digest
from scripts.steps import ROOT
from tests.lane.doubles import Answer, AsgiCaller, make_lane

MOST_ZIPPED_BYTES = 4096
CALLER = AsgiCaller(make_lane(*snippet_routes()))


async def fetch(name: str, **headers: str) -> Answer:
    return await CALLER("GET", f"/js/{name}", (), [*headers.items()])


def test_it_is_smaller_than_4_kb_packed() -> None:
    assert len(gzip.compress(BUILT.read_bytes(), 9)) < MOST_ZIPPED_BYTES


def test_what_is_served_was_made_from_the_source() -> None:
    """When it fails: `make snippet`."""
    made = json.loads(BUILT.with_suffix(".js.map").read_text())
    assert made["sourcesContent"] == [SOURCE.read_text()]
    assert made["x_script"] == digest(BUILT)


def test_it_needs_nothing_that_a_strict_policy_forbids() -> None:
    text = BUILT.read_text()
    assert [
        word for word in ("eval(", "Function(", "innerHTML", ".style", "createElement") if word in text
    ] == []


async def test_the_plain_address_is_asked_for_again_soon() -> None:
    answer = await fetch("seldon.js")
    assert answer.body == BUILT.read_bytes()
    assert answer.headers["content-type"].startswith("application/javascript")
    assert answer.headers["cache-control"].startswith("public, max-age=300")
    assert answer.headers["etag"] == f'W/"{snippet().digest}"'


async def test_the_versioned_address_is_kept_for_ever() -> None:
    answer = await fetch(versioned_name())
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_former_version_is_answered_with_this_one_and_not_kept() -> None:
    answer = await fetch("seldon.0123456789.js")
    assert (answer.status, answer.body) == (200, BUILT.read_bytes())
    assert "immutable" not in answer.headers["cache-control"]


async def test_the_map_that_the_script_names_is_there() -> None:
    name = BUILT.read_text().rpartition("sourceMappingURL=")[2].strip()
    assert (await fetch(name)).body == source_map().content


@pytest.mark.parametrize("name", ["other.js", "seldon.js.bak", "seldon.012345678.js", "seldon.ABCDEF0123.js"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_no_other_file_is_there(name: str, method: str) -> None:
    assert (await CALLER(method, f"/js/{name}", (), [])).status == 404


async def test_a_file_that_is_there_is_only_read() -> None:
    assert (await CALLER("POST", "/js/seldon.js", (), [])).status == 405


# -- the reference page ------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "reference" / "snippet.md").read_text()
SCRIPT = SOURCE.read_text()


def first_column(heading: str) -> set[str]:
    """The code words that begin the rows of the tables below `heading`."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w-]+)", section, re.MULTILINE))


def test_the_reference_names_every_attribute() -> None:
    read = set(re.findall(r"options\.(\w+)", SCRIPT)) | set(re.findall(r'"(\w+)" in options', SCRIPT))
    names = {"data-" + re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", name) for name in read}
    assert names == first_column("Attributes")


def test_the_reference_names_every_call() -> None:
    calls = SCRIPT.partition("const calls = {")[2].partition("\n  };")[0]
    assert set(re.findall(r"^    (\w+)[:,]", calls, re.MULTILINE)) == first_column("Calls")


def test_the_reference_names_all_that_is_told() -> None:
    told = set(re.findall(r'tell\(\s*"(\w+)"', SCRIPT))
    told |= set(re.findall(r'tell\(status < 300 \? "(\w+)" : "(\w+)"', SCRIPT)[0])
    assert told == first_column("Hearing what happens")
    reasons = set(re.findall(r'(?:drop\(.*?, |reason: )"([\w ]+)"', SCRIPT))
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()


@pytest.mark.parametrize(
    ("attribute", "found"),
    [
        ("batch-size", r"batchSize, (\d+)"),
        ("batch-delay", r"batchDelay, (\d+)"),
        ("timeout", r"timeout, (\d+)"),
        ("queue-bytes", r"queueBytes, (\d+)"),
        ("queue-days", r"queueDays, (\d+)"),
        ("page-views", r'pageViews \|\| "(\w+)"'),
    ],
)
def test_the_reference_tells_the_defaults(attribute: str, found: str) -> None:
    default = re.findall(found, SCRIPT)[0]
    assert f"| `data-{attribute}` | `{default}` |" in PAGE
