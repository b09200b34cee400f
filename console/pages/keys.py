"""Consumer keys: lists, new ones, rotation, the pages of a js key, switching off."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_POST

from clients.models import Client, ConsumerKey
from clients.services import NewKey, create_key, get_client, get_key, revoke_key, rotate_key, set_origins
from common import clock
from console.forms import NewKeyForm, OriginsForm, RotateForm, lines
from console.once import is_used, new_mark, remember_mark
from console.paging import Slice, slice_of
from console.requests import back_to, by_operator, is_done, number_in, page, show, words_in

_TOLD_ALREADY = "That key was made already; its secret was shown then and is not shown again."


@page
def show_all_keys(request: HttpRequest) -> HttpResponseBase:
    """The keys of every client, the newest first."""
    search = words_in(request)
    found = ConsumerKey.objects.for_all_clients().select_related("tenant").order_by("-id")
    if search:
        words = Q(client_id__icontains=search) | Q(tenant__name__icontains=search) | Q(name__icontains=search)
        found = found.filter(words)
    context = {"keys": _slice(request, found), "search": search, "now": clock.now()}
    return show(request, "keys.html", "Keys", context)


@page
def show_keys(request: HttpRequest, name: str) -> HttpResponseBase:
    """The keys of one client."""
    client = get_client(name)
    found = ConsumerKey.objects.for_client(client).select_related("tenant").order_by("-is_active", "-id")
    context = {"client": client, "tab": "keys", "keys": _slice(request, found), "now": clock.now()}
    return show(request, "client_keys.html", f"Keys of {name}", context)


def _slice(request: HttpRequest, found: QuerySet[ConsumerKey]) -> Slice[ConsumerKey]:
    return slice_of(found, number_in(request, "page", 1))


@page
def create_client_key(request: HttpRequest, name: str) -> HttpResponseBase:
    """Makes a key and shows its secret this once."""
    client = get_client(name)
    form = NewKeyForm(request.POST or None, initial={"once": new_mark(), "kind": "all"})
    if is_used(request):
        return back_to(request, "admin:client_keys", name, told=_TOLD_ALREADY)
    made: list[NewKey] = []

    def make() -> None:
        made.append(create_key(client=client, spec=form.spec(), by=by_operator(request)))

    if is_done(request, form, make):
        return _show_secret(request, client, made[0])
    context = {"client": client, "tab": "keys", "form": form}
    return show(request, "key_new.html", f"New key of {name}", context)


@page
def rotate_client_key(request: HttpRequest, name: str, text: str) -> HttpResponseBase:
    """Makes the key's successor and shows its secret this once; both work during the overlap."""
    client = get_client(name)
    key = get_key(client=client, text=text)
    form = RotateForm(request.POST or None, initial={"once": new_mark()})
    if is_used(request):
        return back_to(request, "admin:client_keys", name, told=_TOLD_ALREADY)
    made: list[NewKey] = []

    def rotate() -> None:
        seconds = float(form.cleaned_data["overlap"])
        made.append(rotate_key(key=key, overlap_seconds=seconds, by=by_operator(request)))

    if is_done(request, form, rotate):
        return _show_secret(request, client, made[0], former=key)
    context = {"client": client, "tab": "keys", "key": key, "form": form}
    return show(request, "key_rotate.html", f"Rotate a key of {name}", context)


def _show_secret(
    request: HttpRequest, client: Client, made: NewKey, former: ConsumerKey | None = None
) -> HttpResponse:
    remember_mark(request)
    context = {"client": client, "tab": "keys", "keys": [made], "former": former}
    return show(request, "secret.html", f"New key of {client}", context)


@page
def edit_key(request: HttpRequest, name: str, text: str) -> HttpResponseBase:
    """One key; of a js key the pages it is bound to."""
    client = get_client(name)
    key = get_key(client=client, text=text)
    form = OriginsForm(request.POST or None, initial={"origins": "\n".join(key.origins)})

    def bind() -> None:
        set_origins(key=key, origins=lines(form.cleaned_data["origins"]), by=by_operator(request))

    if is_done(request, form, bind):
        return back_to(request, "admin:client_key", name, text, told="The key is bound to these pages now.")
    context = {"client": client, "tab": "keys", "key": key, "form": form, "is_live": key.is_live(clock.now())}
    return show(request, "key.html", f"Key of {name}", context)


@page
@require_POST
def disable_client_key(request: HttpRequest, name: str, text: str) -> HttpResponseBase:
    """Switches the key off for good."""
    key = get_key(client=get_client(name), text=text)
    revoke_key(key=key, by=by_operator(request))
    told = f"{text} is switched off; every process refuses it within two seconds."
    return back_to(request, "admin:client_keys", name, told=told)
