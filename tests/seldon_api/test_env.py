"""Typed readers of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from seldon_api import env


@pytest.fixture(autouse=True)
def no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "mistakes", [])


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_boolean_words_are_read(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("X", text)
    assert env.env_bool("X", not value) is value


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (lambda: env.env_bool("X", True), "perhaps", "neither true nor false"),
        (lambda: env.env_int("X", 1), "1.5", "not a whole number"),
        (lambda: env.env_int("X", 1, 0, 10), "11", "outside 0 … 10"),
        (lambda: env.env_float("X", 1), "fast", "not a number"),
        (lambda: env.env_choice("X", "a", ("a", "b")), "c", "not one of a, b"),
        (lambda: env.env_address("X"), "a:b", "not host:port"),
        (lambda: env.env_address("X"), ":24224", "not host:port"),
        (lambda: env.env_secret("X"), None, "cannot read"),
    ],
)
def test_unreadable_value_is_remembered_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, read: object, text: str | None, reason: str
) -> None:
    if text is None:
        monkeypatch.setenv("X_FILE", "/nowhere/at/all")
    else:
        monkeypatch.setenv("X", text)
    read()  # type: ignore[operator]
    assert [reason in why for _, why in env.mistakes] == [True]


def test_secret_is_read_from_the_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
    assert env.env_secret("X") == "s3cret"


def test_list_drops_empty_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "a, b,,")
    assert env.env_list("X") == ["a", "b"]


@pytest.mark.parametrize(("text", "found"), [("", None), ("a:1", ("a", 1)), ("[::1]:65535", ("::1", 65535))])
def test_address_is_host_and_port(
    monkeypatch: pytest.MonkeyPatch, text: str, found: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("X", text)
    assert env.env_address("X") == found
