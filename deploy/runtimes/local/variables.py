"""The variables that a container's manifest gives it: written there, or from secrets and config maps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.manifests.records import Json
from deploy.runtimes.local.values import CONFIG_MAP, SECRET, Reference, Values

_VARIABLE: Final = re.compile(r"[A-Za-z_.][A-Za-z0-9_.-]*")
# What Seldon Core's storage initializer (rclone) is told, and what libraries for S3 read.
_OF_RCLONE: Final = {
    "ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
    "SESSION_TOKEN": "AWS_SESSION_TOKEN",
    "ENDPOINT": "AWS_ENDPOINT_URL",
    "REGION": "AWS_DEFAULT_REGION",
}
# Linux gives no process a longer one.
_LONGEST: Final = 131_072 - 256
_OFF: Final = frozenset({"0", "false", "no"})


@dataclass(slots=True)
class Variables:
    """What was found, and what could not be: `problems` say how to mend it."""

    values: Values
    # What `fieldRef` may name, by its path.
    fields: Mapping[str, str]
    found: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, container: Json) -> None:
        """Take what the container's `envFrom` and `env` give; a name in `env` wins."""
        for source in container.get("envFrom") or ():
            self._take_all(source)
        for each in container.get("env") or ():
            name = each.get("name") if isinstance(each, dict) else None
            if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
                self.problems.append(f"env has {name!r}, which is no name of a variable")
            elif "valueFrom" in each:
                self._take_one(name, each["valueFrom"])
            else:
                self.found[name] = str(each.get("value") or "")

    def take_secret(self, name: str) -> None:
        """Take all of a secret, as `envSecretRefName` says."""
        self._take_all({"secretRef": {"name": name}})

    def _take_all(self, source: Any) -> None:
        for key, kind in (("secretRef", SECRET), ("configMapRef", CONFIG_MAP)):
            told = source.get(key) if isinstance(source, dict) else None
            if isinstance(told, dict):
                wanted, prefix = Reference(kind, str(told.get("name"))), str(source.get("prefix") or "")
                found = self.values.read(wanted)
                if found is None and not told.get("optional"):
                    self.problems.append(self.values.missing(wanted))
                named = {f"{prefix}{name}": value for name, value in (found or {}).items()}
                self.found |= {name: value for name, value in named.items() if _VARIABLE.fullmatch(name)}
                return
        self.problems.append("an entry of envFrom has neither secretRef nor configMapRef")

    def _take_one(self, name: str, source: Any) -> None:
        told = source if isinstance(source, dict) else {}
        for key, kind in (("secretKeyRef", SECRET), ("configMapKeyRef", CONFIG_MAP)):
            if isinstance(told.get(key), dict):
                self._take_key(name, kind, told[key])
                return
        at = told.get("fieldRef")
        path = str(at.get("fieldPath")) if isinstance(at, dict) else ""
        if path in self.fields:
            self.found[name] = self.fields[path]
            return
        known = ", ".join(self.fields)
        self.problems.append(
            f"the variable {name} comes from what this machine does not have: write its value, or take it "
            f"from a secretKeyRef, a configMapKeyRef, or a fieldRef to one of {known}"
        )

    def _take_key(self, name: str, kind: str, told: Mapping[str, Any]) -> None:
        wanted, key = Reference(kind, str(told.get("name"))), str(told.get("key"))
        found = self.values.read(wanted) or {}
        if key in found:
            self.found[name] = found[key]
        elif not told.get("optional"):
            self.problems.append(f"the variable {name}: {self.values.missing(wanted, key)}")


def problem_of_process(command: Iterable[str], variables: Iterable[tuple[str, str]]) -> str:
    """Why no process can be given these words; empty when one can. What is secret in them is not told."""
    if any(map(_is_unspeakable, command)):
        return "command or args hold the character NUL, or half a character"
    wrong = sorted({name for name, value in variables if _is_unspeakable(value)})
    longest = sorted({name for name, value in variables if len(value.encode("utf-8", "replace")) > _LONGEST})
    if wrong:
        return f"the variable {wrong[0]} holds the character NUL, or half a character: mount it as a volume"
    if longest:
        return f"the variable {longest[0]} has more than {_LONGEST} bytes: mount it as a volume"
    return ""


def _is_unspeakable(word: str) -> bool:
    return "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word)


def place_model(uri: str, variables: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A modelUri as our servers read it, and the variables that they need to, from those of a secret.

    `s3:bucket/path`, or the name of a remote that is configured by rclone's variables, becomes s3://.
    """
    scheme, colon, path = uri.partition(":")
    prefix = f"RCLONE_CONFIG_{scheme.upper()}_"
    if colon and variables.get(f"{prefix}TYPE", "").lower() == "s3":
        uri = f"s3://{path.lstrip('/')}"
    told = {
        ours: variables[f"{prefix}{name}"] for name, ours in _OF_RCLONE.items() if prefix + name in variables
    }
    if "S3_ENDPOINT" in variables:
        told.setdefault("AWS_ENDPOINT_URL", _whole_address(variables))
    return uri, {name: value for name, value in told.items() if name not in variables and value}


def _whole_address(variables: Mapping[str, str]) -> str:
    """S3_ENDPOINT is host and port alone, in the words of the older initializer."""
    endpoint = variables["S3_ENDPOINT"]
    is_plain = variables.get("S3_USE_HTTPS", variables.get("USE_SSL", "1")).lower() in _OFF
    return endpoint if "://" in endpoint else f"{'http' if is_plain else 'https'}://{endpoint}"
