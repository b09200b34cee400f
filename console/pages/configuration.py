"""Configuration documents: lists, the editor with its preview, history, roll-back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from clients import configuration
from clients.services import get_client
from common.errors import ConflictError, InvalidInputError, NotFoundError, SeldonError, UnavailableError
from console.documents import first_text, missing_rows, purpose_of, rows_of
from console.forms import DocumentForm, DocumentPathForm
from console.places import excerpt, place_in
from console.requests import by_operator, is_done, number_in, page, show, words_in
from stores.config import Document, check_document, diff_texts, get_store
from stores.config.paths import check_path

_PER_PAGE: Final = 50


@page
def show_all(request: HttpRequest) -> HttpResponseBase:
    """The documents of every client and of the installation."""
    search = words_in(request)
    form = DocumentPathForm(request.POST or None)
    if is_done(request, form, lambda: check_path(form.cleaned_data["path"])):
        return redirect(_address("configuration_edit", form.cleaned_data["path"]))
    found = [document for document in get_store().list("/") if search in document.path]
    number = max(number_in(request, "page", 1), 1)
    rows = rows_of(found[(number - 1) * _PER_PAGE : number * _PER_PAGE])
    context = {
        "rows": rows,
        "refused": _refused(search),
        "problem": get_store().problem if get_store().state == "stale" else None,
        "search": search,
        "form": form,
        "found": len(found),
        "page_number": number,
        "has_more": len(found) > number * _PER_PAGE,
    }
    return show(request, "configuration.html", "Configuration", context)


@page
def show_client(request: HttpRequest, name: str) -> HttpResponseBase:
    """The documents of one client, and those it could have."""
    client = get_client(name)
    documents = get_store().list(f"/all_clients/{name}")
    context = {
        "client": client,
        "tab": "configuration",
        "rows": rows_of(documents),
        "refused": _refused(f"/all_clients/{name}/"),
        "missing": missing_rows(name, documents),
    }
    return show(request, "client_configuration.html", f"Configuration of {name}", context)


def _refused(search: str) -> list[tuple[str, str]]:
    """Path and reason of what other tools wrote and what is not in force."""
    return sorted((path, reason) for path, reason in get_store().refused.items() if search in f"{path}/")


def _address(page_name: str, path: str) -> str:
    return f"{reverse(f'admin:{page_name}')}?{urlencode({'path': path}, safe='/')}"


def _present(path: str) -> Document | None:
    """The document as it is at this moment: another worker may have written it since the last poll."""
    try:
        return get_store().read(path)
    except NotFoundError:
        return None


# -- the editor ------------------------------------------------------------------------------------


@page
def edit(request: HttpRequest) -> HttpResponseBase:
    """The editor: first `preview` shows what would change, then `save` writes it."""
    path = check_path(request.POST.get("path") or request.GET.get("path", ""))
    present = _present(path)
    if request.method != "POST":
        return _show_editor(request, path, present, _form_of(path, present))
    form = DocumentForm(request.POST)
    if not form.is_valid():
        return _show_editor(request, path, present, form)
    text = form.cleaned_data["text"].replace("\r\n", "\n")
    try:
        return _save_or_preview(request, path, present, form, text)
    except ConflictError as error:
        return _show_editor(request, path, present, form, {"conflict": error.message})
    except UnavailableError:
        raise
    except SeldonError as error:
        return _show_editor(request, path, present, form, _fault(error, text))


def _save_or_preview(
    request: HttpRequest, path: str, present: Document | None, form: DocumentForm, text: str
) -> HttpResponse:
    """Raises what the store refuses the text with."""
    by, version = by_operator(request), form.cleaned_data["version"]
    if request.POST.get("step") == "save":
        written = configuration.write_document(path=path, text=text, by=by, expected_version=version)
        told = f"Saved as version {written.version}; every process follows within a second."
        return _to_history(request, path, told)
    check_document(path, text)
    diff = diff_texts(path, present.text if present else None, text)
    context = {"diff": diff, "text": text, "is_preview": True}
    return _show_editor(request, path, present, form, context)


def _form_of(path: str, present: Document | None) -> DocumentForm:
    text = present.pretty if present else first_text(path)
    return DocumentForm(initial={"path": path, "version": present.version if present else 0, "text": text})


def _fault(error: SeldonError, text: str) -> dict[str, Any]:
    """What is wrong, and the lines around it."""
    pointer, reason = str(error.data.get("place", "")), str(error.data.get("reason", error.message))
    place = place_in(text, pointer, reason)
    lines = excerpt(text, place) if place else ()
    return {"fault": {"reason": reason, "pointer": pointer, "place": place, "lines": lines}}


def _show_editor(
    request: HttpRequest,
    path: str,
    present: Document | None,
    form: DocumentForm,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {**_about(path), "present": present, "form": form, **(more or {})}
    status = 200 if not more or "diff" in more else 409 if "conflict" in more else 422
    return show(request, "document_edit.html", f"Edit {path}", context, status=status)


def _about(path: str) -> dict[str, Any]:
    """The document's path, purpose and, if it is a client's, the client."""
    name = configuration.owner_name(path)
    refused = [(path, reason)] if (reason := get_store().refused.get(path)) else []
    about = {"path": path, "purpose": purpose_of(path), "tab": "configuration", "refused": refused}
    return {**about, "client": get_client(name)} if name else about


# -- history ---------------------------------------------------------------------------------------


@page
def show_history(request: HttpRequest) -> HttpResponseBase:
    """Every version with what it changed."""
    path = check_path(request.GET.get("path", ""))
    context = {**_about(path), "entries": get_store().history(path), "present": _present(path)}
    return show(request, "document_history.html", f"History of {path}", context)


@page
@require_POST
def roll_back(request: HttpRequest) -> HttpResponseBase:
    """Makes an older version the newest."""
    path, to = check_path(request.POST.get("path", "")), _posted_number(request, "to")
    present = _posted_number(request, "version")
    told = f"Version {to} is in force again."
    change = partial(configuration.roll_back_document, version=to, expected_version=present)
    return _changed(request, path, told, change)


@page
@require_POST
def delete(request: HttpRequest) -> HttpResponseBase:
    """Deletes the document; its history stays."""
    path, version = check_path(request.POST.get("path", "")), _posted_number(request, "version")
    told = "Deleted. Its history stays, and any version can be put back."
    change = partial(configuration.delete_document, expected_version=version)
    return _changed(request, path, told, change)


def _changed(request: HttpRequest, path: str, told: str, change: Callable[..., object]) -> HttpResponse:
    """Back to the history, which says what was done or why it was not."""
    try:
        change(path=path, by=by_operator(request))
    except (ConflictError, InvalidInputError) as error:
        messages.error(request, error.message)
        return redirect(_address("configuration_history", path))
    return _to_history(request, path, told)


def _to_history(request: HttpRequest, path: str, told: str) -> HttpResponse:
    messages.success(request, told)
    return redirect(_address("configuration_history", path))


def _posted_number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
