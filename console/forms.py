"""The forms of the console: they read what people type; what is right or wrong the services say."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from django import forms
from unfold.widgets import (
    SELECT_CLASSES,
    TEXTAREA_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clients.records import FINE_SCOPES, NEVER, SURFACES, KeySpec, Limits
from common.errors import SeldonError
from offline.jobs import JOBS, load_job
from predictions.models import PROTOCOL_CHOICES
from predictions.records import LocalProcess, MicroserviceSpec

_HOUR: Final = 3600
OVERLAPS: Final = (
    (str(24 * _HOUR), "24 hours"),
    ("0", "Not at all: switch the old key off now"),
    (str(_HOUR), "1 hour"),
    (str(7 * 24 * _HOUR), "7 days"),
    (str(30 * 24 * _HOUR), "30 days"),
)
KINDS: Final = (
    ("all", "all – everything a client may do, key and secret"),
    ("js", "js – for browsers, key only, bound to pages"),
    ("readonly", "readonly – GET only, key and secret"),
    ("fine", "fine – chosen scopes, key and secret"),
)


def place_error(form: forms.Form, error: SeldonError) -> None:
    """Puts a service's refusal beside the field it names, else above the form."""
    # A pointer such as /parameters/days belongs to the field it begins with.
    pointed = str(error.data.get("place", "")).lstrip("/").partition("/")[0]
    field = error.data.get("field", pointed)
    is_placed = field in form.fields
    form.add_error(
        field if is_placed else None,
        str(error.data.get("reason", error.message)) if is_placed else error.message,
    )


def text(**attributes: Any) -> UnfoldAdminTextInputWidget:
    """A line of text."""
    return UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false", **attributes})


def area(rows: int, css: str = "") -> forms.Textarea:
    """Some lines of text."""
    classes = " ".join([*TEXTAREA_CLASSES, css])
    return forms.Textarea(
        attrs={"rows": rows, "class": classes, "spellcheck": "false", "autocomplete": "off"}
    )


def lines(value: str) -> tuple[str, ...]:
    """What stands on the lines, or between commas, without the empty ones."""
    return tuple(word.strip() for line in value.splitlines() for word in line.split(",") if word.strip())


class NewClientForm(forms.Form):
    """A client and the pages its first js key is bound to."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64)
    name = forms.CharField(
        max_length=64,
        widget=text(placeholder="acme", autofocus=True),
        help_text="Letters, digits, dot, dash and underline. It is part of paths and file names and stays.",
    )
    origins = forms.CharField(
        required=False,
        widget=area(3),
        label="Pages that may use the js key",
        help_text="Host names, one a line: shop.example.com. Empty: any page may use it.",
    )


class OriginsForm(forms.Form):
    """The pages a js key is bound to."""

    origins = forms.CharField(
        required=False,
        widget=area(5),
        label="Pages that may use this key",
        help_text="Host names, one a line; each lets in what lies below it. Empty: any page may use the key.",
    )


class NewKeyForm(forms.Form):
    """A consumer key."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64)
    kind = forms.ChoiceField(choices=KINDS, widget=UnfoldAdminSelectWidget)
    label = forms.CharField(
        required=False, max_length=255, widget=text(placeholder="web shop, production"), label="Used by"
    )
    scopes = forms.MultipleChoiceField(
        required=False,
        choices=[(word, word) for word in FINE_SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="For kind fine only.",
    )
    origins = forms.CharField(
        required=False,
        widget=area(3),
        label="Pages that may use it",
        help_text="For kind js only. Host names, one a line; empty: any page.",
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(
            format="%Y-%m-%dT%H:%M",
            attrs={"type": "datetime-local", "class": " ".join(SELECT_CLASSES)},
        ),
        label="Expires",
        help_text="UTC. Empty: never.",
    )

    def spec(self) -> KeySpec:
        """What the service is asked for."""
        given = self.cleaned_data
        return KeySpec(
            kind=given["kind"],
            scopes=tuple(given["scopes"]),
            origins=lines(given["origins"]),
            label=given["label"],
            expires_at=given["expires_at"],
        )


class RotateForm(forms.Form):
    """How long the old key goes on working beside the new one."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=64)
    overlap = forms.ChoiceField(
        choices=OVERLAPS, widget=UnfoldAdminSelectWidget, label="The old key goes on working for"
    )


class ClientSwitchesForm(forms.Form):
    """What can be switched on a client."""

    is_active = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        label="Active",
        help_text="Off: every key and token is refused within two seconds. Nothing is deleted.",
    )
    legacy_api = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        label="Seldon Server's manners",
        help_text="Errors with status 200, oauth_token in the query, the OAuth gateway for its deployments.",
    )


class QuotaForm(forms.Form):
    """How much may come in on one surface; an empty field limits nothing."""

    surface = forms.ChoiceField(choices=[(word, word) for word in SURFACES], widget=UnfoldAdminSelectWidget)
    requests_per_second = forms.FloatField(
        required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any"})
    )
    max_body_bytes = forms.IntegerField(
        required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget, label="Largest body, bytes"
    )
    events_per_day = forms.IntegerField(
        required=False,
        min_value=0,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="For the surface events only.",
    )

    def limits(self) -> Limits:
        """What the service is asked for."""
        names = ("requests_per_second", "max_body_bytes", "events_per_day")
        given = {name: self.cleaned_data[name] for name in names}
        return Limits(**{name: NEVER if value is None else float(value) for name, value in given.items()})


class MicroserviceForm(forms.Form):
    """A microservice; the name stays once it is made."""

    name = forms.CharField(max_length=64, widget=text(placeholder="iris"))
    url = forms.CharField(
        required=False,
        max_length=1000,
        label="URL",
        widget=text(placeholder="http://127.0.0.1:9000"),
        help_text="http://, https:// or unix:/ ; without a path, the protocol's own is used. gRPC: grpc://host:port.",
    )
    protocol = forms.ChoiceField(choices=PROTOCOL_CHOICES, widget=UnfoldAdminSelectWidget)
    deadline_seconds = forms.FloatField(
        initial=5.0, label="Deadline, seconds", widget=UnfoldAdminIntegerFieldWidget(attrs={"step": "any"})
    )
    concurrency_limit = forms.IntegerField(
        initial=64, label="Calls at once, per worker", widget=UnfoldAdminIntegerFieldWidget
    )
    command = forms.CharField(
        required=False,
        widget=text(placeholder="seldon-microservice MyModel --port {port}"),
        help_text="Only for a process that this machine shall keep running; {port} is the URL's.",
    )
    directory = forms.CharField(
        required=False, max_length=1000, widget=text(), help_text="Where the command runs."
    )

    def clean_command(self) -> tuple[str, ...]:
        """The command line's words."""
        try:
            return tuple(shlex.split(self.cleaned_data["command"]))
        except ValueError as error:
            raise forms.ValidationError(f"Not a command line: {error}") from error

    def spec(self) -> MicroserviceSpec:
        """What the service is asked for."""
        names = ("name", "url", "protocol", "deadline_seconds", "concurrency_limit")
        return MicroserviceSpec(**{name: self.cleaned_data[name] for name in names})

    def process(self) -> LocalProcess:
        """The process to keep running, if any."""
        return LocalProcess(self.cleaned_data["command"], self.cleaned_data["directory"])


class SampleForm(forms.Form):
    """What a test sends."""

    sample = forms.CharField(widget=area(14, "cx-code"), label="Sample request", strip=False)

    def clean_sample(self) -> dict[str, Any]:
        """The sample as JSON; ValidationError says line and column."""
        try:
            value = json.loads(self.cleaned_data["sample"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"Not JSON: {error}") from error
        if not isinstance(value, dict):
            raise forms.ValidationError("A sample is a JSON object, as a caller would send it.")
        return value


class DocumentForm(forms.Form):
    """A configuration document as text, and the version it started from."""

    path = forms.CharField(max_length=255, widget=forms.HiddenInput)
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    text = forms.CharField(
        widget=area(18, "cx-code"), strip=False, label="Document", max_length=2 * 1024 * 1024
    )


class DocumentPathForm(forms.Form):
    """Where a new document shall live."""

    path = forms.CharField(
        max_length=255, widget=text(placeholder="/all_clients/acme/predict_algs"), label="New document at"
    )


class RunForm(forms.Form):
    """A job, whose it is, the day and the parameters."""

    job = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    client = forms.CharField(
        required=False,
        max_length=64,
        widget=text(placeholder="acme"),
        help_text="Empty for a job of the whole installation.",
    )
    day = forms.CharField(
        max_length=10,
        widget=text(placeholder="2026-01-31"),
        help_text="A date (UTC), or a Unix epoch day such as 16461.",
    )
    parameters = forms.JSONField(
        required=False, widget=area(4, "cx-code"), help_text="A JSON object, as the job's page says."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        jobs = [load_job(name) for name in sorted(JOBS)]
        choices = [(job.name, f"{job.name} – {job.summary}") for job in jobs]
        self.fields["job"].choices = choices  # type: ignore[attr-defined]

    def clean_parameters(self) -> dict[str, Any]:
        """Nothing is an empty object."""
        given = self.cleaned_data["parameters"] or {}
        if not isinstance(given, dict):
            raise forms.ValidationError('An object is meant, such as {"days": 3}.')
        return given
