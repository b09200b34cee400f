"""What every page does: ask for its client, answer in the shell, turn our errors into what people see."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from clients.records import By
from common.errors import InvalidInputError, NotFoundError, SeldonError, UnavailableError
from console.forms import place_error

Page = Callable[..., HttpResponseBase]


def by_operator(request: HttpRequest) -> By:
    """The signed-in operator, for the audit log."""
    user = request.user
    name = "" if isinstance(user, AnonymousUser) else user.get_username()
    return By(f"operator:{name}", getattr(request, "request_id", ""))


def show(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int = 200
) -> TemplateResponse:
    """The page `console/<template>` in the theme's shell."""
    shell = admin.site.each_context(request)
    return TemplateResponse(
        request, f"console/{template}", {**shell, "title": title, **context}, status=status
    )


def page(view: Page) -> Page:
    """404 for what is not there or another client's, 503 for a part that is away, 400 for nonsense."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            check_names(kwargs)
            return view(request, *args, **kwargs)
        except NotFoundError as error:
            return _told(request, "Not found", error)
        except UnavailableError as error:
            return _told(request, "Not available right now", error)
        except InvalidInputError as error:
            return _told(request, "That cannot be", error)

    return shown


def _told(request: HttpRequest, title: str, error: SeldonError) -> HttpResponse:
    context = {"message": error.message, "code": error.code}
    return show(request, "problem.html", title, context, status=error.status)


def is_done(request: HttpRequest, form: forms.Form, step: Callable[[], object]) -> bool:
    """Runs `step` when the form is posted and sound; a refusal lands on the field it is about."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        step()
    except (NotFoundError, UnavailableError):
        raise
    except SeldonError as error:
        place_error(form, error)
        return False
    return True


def back_to(request: HttpRequest, name: str, *args: object, told: str = "") -> HttpResponse:
    """A redirect to the page `name`, which then says `told`."""
    if told:
        messages.success(request, told)
    return redirect(name, *args)


def check_names(names: dict[str, Any]) -> None:
    """Raises NotFoundError for a name with a NUL, which some databases cannot even be asked for."""
    for name in names.values():
        if "\0" in name:
            raise NotFoundError("there is nothing of that name")


def words_in(request: HttpRequest) -> str:
    """What was searched for."""
    return request.GET.get("q", "").replace("\0", "").strip()


def number_in(request: HttpRequest, name: str, default: int) -> int:
    """A whole number of the query, `default` when it is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def refused(request: HttpRequest, error: SeldonError, name: str, *args: object) -> HttpResponse:
    """A redirect to the page `name`, which then says why something was not done."""
    messages.error(request, error.message)
    return redirect(name, *args)
