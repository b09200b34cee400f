"""Operators: made as staff, noted in the audit log, and theirs is no other's business."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client as Browser

from clients.models import AuditEntry

PASSWORD = "correct horse battery"


def make_mary(browser: Browser) -> User:
    data = {"username": "mary", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    answer = browser.post("/admin/auth/user/add/", data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return User.objects.get(username="mary")


def test_new_operator_is_staff_and_noted(console: Browser) -> None:
    assert make_mary(console).is_staff
    [entry] = AuditEntry.objects.for_all_clients()
    assert (entry.actor, entry.action, entry.target) == ("operator:jane", "create_operator", "mary")
    assert PASSWORD not in str(entry.after)


def test_change_and_deletion_are_noted(console: Browser) -> None:
    mary = make_mary(console)
    console.post(f"/admin/auth/user/{mary.pk}/change/", {"username": "mary", "email": "m@example.com"})
    console.post(f"/admin/auth/user/{mary.pk}/delete/", {"post": "yes"})
    actions = list(AuditEntry.objects.for_all_clients().order_by("id").values_list("action", flat=True))
    assert actions == ["create_operator", "change_operator", "delete_operator"]


def test_weak_password_is_refused(console: Browser) -> None:
    data = {"username": "mary", "password1": "short", "password2": "short", "usable_password": "true"}
    assert console.post("/admin/auth/user/add/", data).status_code == 200
    assert not User.objects.filter(username="mary").exists()


def test_operator_who_is_no_superuser_cannot_change_operators(operator: User) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("joe", is_staff=True))
    assert browser.get("/admin/").status_code == 200
    assert browser.get(f"/admin/auth/user/{operator.pk}/change/").status_code == 403
