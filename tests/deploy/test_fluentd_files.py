"""The files for Fluentd and Fluent Bit say what the product does: tags, folders, port, secrets, TLS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from events.shipping.fluentd.hosts import DEFAULT_PORT
from events.shipping.hourly import series_of
from tests.architecture.source import ROOT

FOLDER = ROOT / "deploy" / "fluentd"
HOW_TO = (ROOT / "docs" / "how-to" / "ship-to-fluentd.md").read_text()
CONFIGURATIONS = sorted(FOLDER.glob("*.conf"))
OUTPUTS = [path for path in CONFIGURATIONS if path.name != "source.conf"]
STREAMS = (
    "events.live", "actions.live", "predict.live", "feedback.live",
    "restapi.calls", "restapi.ctr", "restapi.ctralg",
)  # fmt: skip


@dataclass
class Section:
    """`<name argument>` with its parameters and sections."""

    name: str
    argument: str = ""
    values: dict[str, str] = field(default_factory=dict)
    inner: list[Section] = field(default_factory=list)

    def one(self, name: str) -> Section:
        (found,) = [section for section in self.inner if section.name == name]
        return found


def read(text: str) -> Section:
    """Fluentd's form: a section opens and closes on lines of its own, a parameter is a word and the rest."""
    stack = [Section("root")]
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("</"):
            assert line == f"</{stack.pop().name}>"
        elif opening := re.fullmatch(r"<(\w+)(?: ([^>]+))?>", line):
            section = Section(opening[1], opening[2] or "")
            stack[-1].inner.append(section)
            stack.append(section)
        else:
            name, _, value = line.partition(" ")
            assert name not in stack[-1].values, line
            assert value, line
            stack[-1].values[name] = value
    assert len(stack) == 1, f"<{stack[-1].name}> is not closed"
    return stack[0]


def matches(pattern: str, tag: str) -> bool:
    """Whether Fluentd's pattern takes `tag`: `*` one part, `**` any, `{a,b}` either, several with blanks."""
    for one in pattern.split():
        expression = re.escape(one).replace(r"\*\*", ".*").replace(r"\*", "[^.]*")
        expression = re.sub(r"\\\{(.*?)\\\}", lambda found: f"({found[1].replace(',', '|')})", expression)
        if re.fullmatch(expression, tag):
            return True
    return False


def match_of(name: str, tag: str) -> Section:
    """The first <match> that takes `tag`, as Fluentd chooses."""
    sections = read((FOLDER / name).read_text()).inner
    return next(each for each in sections if each.name == "match" and matches(each.argument, tag))


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_every_stream_goes_somewhere_through_a_buffer_on_disk(path: Path) -> None:
    assert read(path.read_text()).values == {"@include": "source.conf"}
    for tag in STREAMS:
        assert match_of(path.name, tag).one("buffer").values["@type"] == "file"


@pytest.mark.parametrize("tag", STREAMS)
def test_files_lie_where_the_product_itself_puts_them(tag: str) -> None:
    section, series = match_of("hourly-files.conf", tag), series_of(tag)
    assert section.values["path"] == f"/seldon-data/logs/{series.folder}.%Y/%m/%d/%H/%Y%m%d-%H{series.infix}"
    assert section.values["compress"] == "gzip"
    buffer = section.one("buffer").values
    assert (buffer["timekey"], buffer["timekey_use_utc"]) == ("3600", "true")
    assert section.one("format").values["@type"] == "out_file"
    stored = match_of("s3.conf", tag)
    assert stored.values["path"] == f"logs/{series.folder}.%Y/%m/%d/%H/"
    assert f"{{time_slice}}{series.infix}_" in stored.values["s3_object_key_format"]


def test_buffers_do_not_share_a_folder() -> None:
    for path in OUTPUTS:
        sections = [inner for one in read(path.read_text()).inner for inner in one.inner]
        paths = [section.values["path"] for section in sections if section.name == "buffer"]
        assert len(paths) == len(set(paths))


def test_topics_are_those_of_seldon_server() -> None:
    topics = {tag: match_of("kafka.conf", tag).values["default_topic"] for tag in STREAMS}
    assert (topics["events.live"], topics["predict.live"]) == ("events", "predictions")
    assert (topics["restapi.ctr"], topics["restapi.calls"]) == ("impressions", "ctr_full")


def test_the_input_asks_for_what_the_product_can_show() -> None:
    source = read((FOLDER / "source.conf").read_text()).one("source")
    assert (source.values["@type"], source.values["port"]) == ("forward", str(DEFAULT_PORT))
    assert source.one("transport").argument == "tls"
    security = source.one("security")
    assert "FLUENTD_SHARED_KEY" in security.values["shared_key"]
    assert "FLUENTD_USER" in security.one("user").values["username"]
    assert "FLUENTD_PASSWORD" in security.one("user").values["password"]


def test_fluent_bit_takes_the_same_and_keeps_it_on_disk() -> None:
    document = yaml.safe_load((FOLDER / "fluent-bit.yaml").read_text())
    (source,) = document["pipeline"]["inputs"]
    assert (source["name"], source["port"], source["storage.type"]) == ("forward", DEFAULT_PORT, "filesystem")
    assert source["tls"] is True
    assert "FLUENTD_SHARED_KEY" in source["shared_key"]
    assert "FLUENTD_PASSWORD" in source["security.users"]
    outputs = {output["name"]: output for output in document["pipeline"]["outputs"]}
    assert {"s3", "kafka", "es", "forward"} <= set(outputs)
    assert all(output["retry_limit"] == "no_limits" for output in outputs.values())
    assert outputs["forward"]["require_ack_response"] is True


def test_the_how_to_links_every_file_and_shows_the_input_as_it_is() -> None:
    for path in FOLDER.iterdir():
        assert f"](../../deploy/fluentd/{path.name})" in HOW_TO
    shown = re.search(r"<source>.*?</source>", HOW_TO, re.DOTALL)
    assert shown is not None
    assert shown[0] in (FOLDER / "source.conf").read_text()
    assert f":{DEFAULT_PORT}" in HOW_TO
