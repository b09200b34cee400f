"""The hub: who hears of what inside one process."""

from __future__ import annotations

import pytest

from stores.changes.hub import Hub

Heard = list[frozenset[str] | None]


def failing_once(heard: Heard) -> object:
    """A handler that raises the first time and takes note afterwards."""

    def handle(keys: frozenset[str] | None) -> None:
        heard.append(keys)
        if len(heard) == 1:
            raise RuntimeError("not yet")

    return handle


def test_handler_hears_of_its_topic_alone() -> None:
    hub, heard = Hub(), Heard()
    hub.subscribe("config", heard.append)
    hub.deliver("config", ["/a", "/b", "/a"])
    hub.deliver("credentials", ["acme"])
    assert heard == [frozenset({"/a", "/b"})]


def test_refresh_reaches_every_handler_with_none() -> None:
    hub, heard = Hub(), Heard()
    hub.subscribe("config", heard.append)
    hub.subscribe("credentials", heard.append)
    assert hub.refresh() == ""
    assert heard == [None, None]


def test_unsubscribed_handler_hears_nothing() -> None:
    hub, heard = Hub(), Heard()
    end = hub.subscribe("config", heard.append)
    end()
    end()
    hub.deliver("config", ["/a"])
    assert heard == []


def test_failing_handler_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    hub, first, second = Hub(), Heard(), Heard()
    hub.subscribe("config", failing_once(first))  # type: ignore[arg-type]
    hub.subscribe("config", second.append)
    assert hub.deliver("config", ["/a"]) == "RuntimeError: not yet"
    assert second == [frozenset({"/a"})]
    assert "refreshed at the next poll" in caplog.text


def test_failed_handler_is_refreshed_once_when_settling() -> None:
    hub, heard = Hub(), Heard()
    hub.subscribe("config", failing_once(heard))  # type: ignore[arg-type]
    hub.deliver("config", ["/a"])
    assert [hub.settle(), hub.settle()] == ["", ""]
    assert heard == [frozenset({"/a"}), None]


def test_failed_handler_stays_owed_until_it_works() -> None:
    hub, calls = Hub(), Heard()

    def fail_twice(keys: frozenset[str] | None) -> None:
        calls.append(keys)
        if len(calls) < 3:
            raise RuntimeError("gone")

    hub.subscribe("config", fail_twice)
    hub.deliver("config", ["/a"])
    assert [hub.settle(), hub.settle(), hub.settle()] == ["RuntimeError: gone", "", ""]
    assert calls == [frozenset({"/a"}), None, None]
