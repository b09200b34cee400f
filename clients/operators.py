"""Operators: Django users who are staff, made and given new passwords with an audit entry."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from clients.errors import OperatorExistsError, OperatorInvalidError, OperatorMissingError
from clients.records import By
from clients.services import record_change

_PASSWORD_BYTES: Final = 18


class NewPassword(NamedTuple):
    """An operator and the password just set; it is told here and nowhere else."""

    name: str
    password: str


def all_operators() -> QuerySet[User]:
    """Everybody who may sign in to the console, by name."""
    return User.objects.filter(is_staff=True).order_by("username")


@transaction.atomic
def create_operator(*, name: str, by: By, password: str = "") -> NewPassword:
    """Makes an operator with `password`, or with a random one when it is empty."""
    user = User(username=name, is_staff=True, is_superuser=True)
    if User.objects.filter(username=name).exists():
        raise OperatorExistsError(name)
    chosen = _set_password(user, password)
    _check(user)
    user.save()
    record_change(by=by, action="create_operator", client=None, target=name)
    return NewPassword(name, chosen)


@transaction.atomic
def reset_password(*, name: str, by: By, password: str = "") -> NewPassword:
    """Gives the operator a new password, which ends its sessions; OperatorMissingError when there is none."""
    user = all_operators().filter(username=name).first()
    if user is None:
        raise OperatorMissingError(name)
    chosen = _set_password(user, password)
    user.save(update_fields=["password"])
    record_change(by=by, action="reset_operator_password", client=None, target=name)
    return NewPassword(name, chosen)


def _set_password(user: User, password: str) -> str:
    chosen = password or secrets.token_urlsafe(_PASSWORD_BYTES)
    try:
        validate_password(chosen, user)
    except ValidationError as error:
        raise OperatorInvalidError(" ".join(error.messages)) from error
    user.set_password(chosen)
    return chosen


def _check(user: User) -> None:
    try:
        user.full_clean()
    except ValidationError as error:
        raise OperatorInvalidError(" ".join(error.messages)) from error
