"""`seldon-cli rpc`: a client's own messages, compiled, registered, shown, forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main
from clients.services import NewClient
from predictions.message_types import parse_types
from stores.config import ConfigStore, use_store
from stores.config.memory import MemoryConfigStore
from tests.predictions.foreign import IRIS_PROTO

pytestmark = pytest.mark.django_db

PATH = "/all_clients/acme/rpc"
CLASSES = ("--request-class", "iris.IrisPredictRequest", "--reply-class", "iris.IrisPredictReply")


@pytest.fixture
def store(acme: NewClient) -> Iterator[ConfigStore]:
    memory = MemoryConfigStore()
    with use_store(memory):
        yield memory


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    file = tmp_path / "iris.proto"
    file.write_text(IRIS_PROTO)
    return file


def test_messages_of_a_proto_file_are_registered_shown_and_forgotten(
    store: ConfigStore, proto: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["rpc", "set", "--client", "acme", "--proto", str(proto), *CLASSES]) == 0
    found = parse_types(PATH, store.read(PATH).value)
    assert found.knows("iris.IrisPredictReply")
    assert found.request_class == "iris.IrisPredictRequest"
    capsys.readouterr()
    assert main.run(["rpc", "show", "--client", "acme", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replyClassName"] == "iris.IrisPredictReply"
    assert main.run(["rpc", "remove", "--client", "acme"]) == 0
    assert store.get(PATH) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--proto or --descriptors"),
        (("--proto", "{proto}", "--descriptors", "{proto}"), "--proto or --descriptors"),
        (("--descriptors", "{proto}"), "FileDescriptorSet"),
        (("--proto", "{proto}", "--request-class", "iris.Nothing"), "iris.Nothing"),
    ],
)
def test_what_cannot_be_registered_is_told(
    store: ConfigStore, proto: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(proto=proto) for word in words]
    assert main.run(["rpc", "set", "--client", "acme", *given]) in (1, 2)
    assert said in capsys.readouterr().err
    assert store.get(PATH) is None


def test_mistake_of_the_proto_file_is_told_with_its_line(
    store: ConfigStore, proto: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proto.write_text("syntax = 'proto3'; message {}")
    assert main.run(["rpc", "set", "--client", "acme", "--proto", str(proto)]) == 1
    assert "iris.proto:1:" in capsys.readouterr().err


def test_unknown_client_is_told(store: ConfigStore, proto: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rpc", "set", "--client", "nobody", "--proto", str(proto)]) == 1
    assert "nobody" in capsys.readouterr().err
