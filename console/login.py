"""Signing in, with a brake on guessing.

Five wrong passwords for one name from one address, or fifty from one address, within fifteen minutes
close the door for that name or address until the oldest of them is fifteen minutes old. While it is
closed no password is looked at and nothing is written, so guessing cannot fill the table either.
A right password clears the name's own count. Counted in the database: it holds over all workers.
A password takes a good part of a second to compare, so a worker compares one at a time, with rests, and
tells whoever finds a crowd to come again: strangers at many addresses take half of one core.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from unfold.forms import AuthenticationForm

from clients.addresses import caller_address
from clients.errors import SignInsBusyError
from clients.slow_checks import SlowChecks
from common import clock
from console.models import FailedLogin

WINDOW: Final = timedelta(minutes=15)
MAX_PER_NAME: Final = 5
MAX_PER_ADDRESS: Final = 50
_CHECKS: Final = SlowChecks(rest_times=1)


def is_closed(address: str, name: str) -> bool:
    """True while `name` may not try from `address`."""
    recent = FailedLogin.objects.filter(address=address, at__gt=clock.now() - WINDOW)
    if recent.filter(name_digest=_digest(name)).count() >= MAX_PER_NAME:
        return True
    return recent.count() >= MAX_PER_ADDRESS


def note_failure(address: str, name: str) -> None:
    """Count a wrong password, and forget what is too old to count."""
    FailedLogin.objects.filter(at__lt=clock.now() - WINDOW).delete()
    FailedLogin.objects.create(address=address, name_digest=_digest(name))


def forget_failures(address: str, name: str) -> None:
    """The name was right after all."""
    FailedLogin.objects.filter(address=address, name_digest=_digest(name)).delete()


def _digest(name: str) -> str:
    return salted_hmac("console.login", name.casefold(), algorithm="sha256").hexdigest()


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    """The theme's form behind the brake; `is_closed` tells the site to answer 429, `is_busy` 503."""

    is_closed = False
    is_busy = False

    def clean(self) -> dict[str, Any]:
        """As Django's; ValidationError without looking at the password while the door is closed."""
        address = caller_address(self.request.META)
        name = self.cleaned_data.get("username", "")
        if is_closed(address, name):
            self.is_closed = True
            raise ValidationError("Too many wrong passwords. Wait fifteen minutes, then try again.")
        try:
            cleaned: dict[str, Any] = _CHECKS.run(super().clean)
        except SignInsBusyError as error:
            self.is_busy = True
            raise ValidationError("Too many people sign in right now. Try again in a moment.") from error
        except ValidationError:
            note_failure(address, name)
            raise
        forget_failures(address, name)
        return cleaned
