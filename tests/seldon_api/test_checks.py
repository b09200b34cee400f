"""Each wrong setting is told by its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from seldon_api import checks, env


def test_e001_names_the_variable_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "mistakes", [("SELDON_PORT", "'x' is not a whole number")])
    [message] = checks.check_environment()
    assert message.id == "seldon.E001"
    assert "SELDON_PORT" in message.msg


def test_e002_when_the_data_folder_cannot_be_made(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.SELDON_DATA = tmp_path / "file" / "below"
    assert [message.id for message in checks.check_data_folder()] == ["seldon.E002"]


def test_e003_when_the_shortest_flush_is_longer_than_the_longest(settings: Settings) -> None:
    settings.EVENTS_FLUSH_MIN_SECONDS, settings.EVENTS_FLUSH_MAX_SECONDS = 9, 1
    assert [message.id for message in checks.check_flush_seconds()] == ["seldon.E003"]


def test_e004_names_the_network_that_cannot_be_read(settings: Settings) -> None:
    settings.MICROSERVICE_NETWORKS = ["10.0.0.0/8", "10.1.2.3/8"]
    settings.TRUSTED_PROXIES = ["proxy.example"]
    found = checks.check_networks()
    assert [message.id for message in found] == ["seldon.E004"] * 2
    assert ("10.1.2.3/8" in found[0].msg, "TRUSTED_PROXIES" in found[1].msg) == (True, True)


@pytest.mark.parametrize("url", ["gopher://x/y", "file://"])
def test_e012_when_the_store_is_none(settings: Settings, url: str) -> None:
    settings.SELDON_STORE = url
    assert [message.id for message in checks.check_store()] == ["seldon.E012"]


@pytest.mark.parametrize("url", ["localhost:6379", "http://host", "redis://", "redis://host:port", "unix://"])
def test_e014_when_redis_url_is_no_address_and_does_not_show_it(settings: Settings, url: str) -> None:
    settings.REDIS_URL = url
    [message] = checks.check_redis_url()
    assert (message.id, url in message.msg) == ("seldon.E014", False)


@pytest.mark.parametrize(
    "url",
    ["", "redis://host", "redis://:p%40ss@h:6380/1", "rediss://u:p@[::1]:1/0", "unix:///run/redis.sock?db=1"],
)
def test_an_address_of_redis_is_taken(settings: Settings, url: str) -> None:
    settings.REDIS_URL = url
    assert checks.check_redis_url() == []


def test_e015_when_a_prefix_cannot_begin_a_key(settings: Settings) -> None:
    settings.REDIS_PREFIX = "a:b"
    assert [message.id for message in checks.check_redis_prefix()] == ["seldon.E015"]


def test_w014_when_machines_share_redis_and_no_secret_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    settings.REDIS_URL = "redis://host"
    [message] = checks.check_machines_fit()
    assert (message.id, "SECRET_KEY" in message.msg) == ("seldon.W014", True)
    settings.REDIS_URL = ""
    assert checks.check_machines_fit() == []


@pytest.mark.parametrize("name", ["floppy", "zookeeper://", "zookeeper://seldon:secret@one:2181"])
def test_e013_when_the_configuration_store_is_none(settings: Settings, name: str) -> None:
    settings.CONFIG_STORE = name
    assert [message.id for message in checks.check_config_store()] == ["seldon.E013"]


@pytest.mark.parametrize("pair", [("seldon", ""), ("", "secret"), ("sel:don", "secret")])
def test_e023_when_user_and_password_of_zookeeper_make_no_pair(
    settings: Settings, pair: tuple[str, str]
) -> None:
    settings.ZOOKEEPER_USER, settings.ZOOKEEPER_PASSWORD = pair
    assert [message.id for message in checks.check_zookeeper_user()] == ["seldon.E023"]


def test_w001_when_any_host_is_answered_behind_tls(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.SELDON_TLS = ["*"], True
    assert [message.id for message in checks.check_hosts()] == ["seldon.W001"]


def test_good_settings_have_nothing_to_tell(settings: Settings, tmp_path: Path) -> None:
    settings.SELDON_DATA = tmp_path
    assert checks.check_data_folder() == checks.check_flush_seconds() == checks.check_networks() == []


def test_broker_that_is_no_redis_is_told(settings: Any) -> None:
    for url in ("", "redis://host:6379/0", "rediss://host/1"):
        settings.CELERY_BROKER_URL = url
        assert checks.check_broker() == []
    settings.CELERY_BROKER_URL = "amqp://host"
    assert [found.id for found in checks.check_broker()] == ["seldon.E011"]
