"""Signing in: only staff, and not by guessing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from clients.slow_checks import SlowChecks
from common import clock
from console import login
from console.login import MAX_PER_ADDRESS, MAX_PER_NAME, WINDOW
from console.models import FailedLogin

RIGHT = "a long password here"


def sign_in(name: str = "jane", password: str = RIGHT, address: str = "192.0.2.1") -> int:
    data = {"username": name, "password": password}
    return Browser().post("/admin/login/", data, REMOTE_ADDR=address).status_code


def test_operator_gets_in_and_sees_the_overview(operator: User) -> None:
    browser = Browser()
    answer = browser.post("/admin/login/", {"username": "jane", "password": RIGHT})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200


def test_user_who_is_not_staff_stays_outside(db: None) -> None:
    User.objects.create_user("joe", password=RIGHT)
    assert sign_in("joe") == 200


def test_right_password_is_refused_after_too_many_wrong_ones(operator: User) -> None:
    assert [sign_in(password="wrong") for _ in range(MAX_PER_NAME)] == [200] * MAX_PER_NAME
    assert sign_in() == 429
    assert sign_in("JANE", "wrong") == 429


def test_closed_door_says_when_to_come_back(operator: User) -> None:
    for _ in range(MAX_PER_NAME):
        sign_in(password="wrong")
    answer = Browser().post("/admin/login/", {"username": "jane", "password": RIGHT}, REMOTE_ADDR="192.0.2.1")
    assert answer["Retry-After"] == "900"
    assert b"Too many wrong passwords" in answer.content


def test_another_address_and_another_name_are_not_closed(operator: User) -> None:
    User.objects.create_superuser("mary", password=RIGHT)
    for _ in range(MAX_PER_NAME):
        sign_in(password="wrong")
    assert (sign_in(address="192.0.2.2"), sign_in("mary")) == (302, 302)


def test_one_address_cannot_try_name_after_name(operator: User) -> None:
    for index in range(MAX_PER_ADDRESS):
        sign_in(f"name-{index}", "wrong")
    assert sign_in() == 429


def test_closed_door_writes_nothing(operator: User) -> None:
    for _ in range(MAX_PER_NAME + 3):
        sign_in(password="wrong")
    assert FailedLogin.objects.count() == MAX_PER_NAME


def test_door_opens_again_and_old_failures_are_forgotten(operator: User) -> None:
    for _ in range(MAX_PER_NAME):
        sign_in(password="wrong")
    FailedLogin.objects.update(at=clock.now() - WINDOW - timedelta(seconds=1))
    assert sign_in(password="wrong") == 200
    assert FailedLogin.objects.count() == 1


def test_right_password_clears_the_count(operator: User) -> None:
    for _ in range(MAX_PER_NAME - 1):
        sign_in(password="wrong")
    sign_in()
    assert not FailedLogin.objects.exists()


def test_crowd_is_told_to_come_again_and_counted_against_nobody(
    operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(login, "_CHECKS", SlowChecks(most_waiting=-1))
        assert [sign_in(password="wrong") for _ in range(MAX_PER_NAME + 1)] == [503] * (MAX_PER_NAME + 1)
    assert (sign_in(), FailedLogin.objects.count()) == (302, 0)


def test_names_are_not_kept_in_clear(operator: User) -> None:
    sign_in("my password in the wrong field", "wrong")
    [failure] = FailedLogin.objects.all()
    assert "password" not in failure.name_digest


@pytest.mark.django_db
def test_form_without_its_token_is_refused() -> None:
    browser = Browser(enforce_csrf_checks=True)
    assert browser.post("/admin/login/", {"username": "jane", "password": RIGHT}).status_code == 403
