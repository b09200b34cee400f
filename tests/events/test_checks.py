"""Each wrong setting of where events go is told by its id."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from events import checks
from tests.certificates import Authority


def test_e030_says_what_is_wrong_with_the_destination(settings: Settings) -> None:
    settings.EVENTS_SINK = "fluentd://a:port"
    [message] = checks.check_sink()
    assert (message.id, "EVENTS_SINK" in message.msg) == ("seldon.E030", True)


@pytest.mark.parametrize(("name", "missing"), [("FLUENTD_PASSWORD", 2), ("FLUENTD_USER", 2)])
def test_e031_names_what_a_user_lacks(settings: Settings, name: str, missing: int) -> None:
    setattr(settings, name, "x")
    [message] = checks.check_fluentd_user()
    assert (message.id, message.msg.count("FLUENTD_")) == ("seldon.E031", missing)


def test_e032_when_the_file_of_authorities_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    settings.FLUENTD_TLS = True
    (tmp_path / "text").write_text("no certificate")
    for name in ("text", "missing"):
        settings.FLUENTD_TLS_CA = str(tmp_path / name)
        [message] = checks.check_fluentd_authorities()
        assert (message.id, name in message.msg) == ("seldon.E032", True)


def test_e032_when_there_are_authorities_and_no_tls(settings: Settings, tmp_path: Path) -> None:
    settings.FLUENTD_TLS_CA = str(Authority(tmp_path).pem)
    assert [message.id for message in checks.check_fluentd_authorities()] == ["seldon.E032"]


def test_w030_when_a_certificate_of_any_host_will_do(settings: Settings) -> None:
    settings.FLUENTD_TLS_VERIFY_HOST = False
    assert [message.id for message in checks.check_fluentd_host_name()] == ["seldon.W030"]


def test_good_settings_have_nothing_to_tell(settings: Settings, tmp_path: Path) -> None:
    for name in ("FLUENTD_SHARED_KEY", "FLUENTD_USER", "FLUENTD_PASSWORD"):
        setattr(settings, name, "x")
    settings.EVENTS_SINK = "fluentd://a,b:1"
    settings.FLUENTD_TLS, settings.FLUENTD_TLS_CA = True, str(Authority(tmp_path).pem)
    found = [*checks.check_sink(), *checks.check_fluentd_user(), *checks.check_fluentd_authorities()]
    assert [*found, *checks.check_fluentd_host_name()] == []
