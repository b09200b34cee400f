"""A value within a configuration document and its JSON pointer, so that every mistake says where it is."""

from __future__ import annotations

from typing import Any, NoReturn

from stores.config.errors import ConfigInvalidError


class Place:
    """Reads one value as what it must be; raises ConfigInvalidError with the place otherwise."""

    __slots__ = ("path", "pointer", "value")

    def __init__(self, path: str, value: Any, pointer: str = "") -> None:
        self.path = path
        self.value = value
        self.pointer = pointer

    def refuse(self, reason: str) -> NoReturn:
        """Raises that what is here cannot be used."""
        raise ConfigInvalidError(self.path, self.pointer, reason)

    def has(self, key: str) -> bool:
        """Whether the object here has `key`."""
        return key in self.object()

    def at(self, key: str | int) -> Place:
        """What lies below `key`."""
        if isinstance(key, str) and key not in self.object():
            self.refuse(f"{key!r} is missing")
        # RFC 6901 writes ~ and / within a key as ~0 and ~1.
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.path, self.value[key], f"{self.pointer}/{step}")

    def only(self, *keys: str) -> None:
        """Refuses a key that is none of `keys`."""
        for key in self.object():
            if key not in keys:
                self.at(key).refuse(f"there is no {key!r} here; there may be {', '.join(keys)}")

    def object(self) -> dict[str, Any]:
        """The object that is here."""
        if not isinstance(self.value, dict):
            self.refuse("this must be an object")
        return self.value

    def elements(self) -> list[Any]:
        """The list that is here."""
        if not isinstance(self.value, list):
            self.refuse("this must be a list")
        return self.value

    def items(self) -> list[Place]:
        """The elements of the list that is here, which must have one."""
        if not self.elements():
            self.refuse("this list must not be empty")
        return [self.at(index) for index in range(len(self.value))]

    def text(self) -> str:
        """The text that is here, which must not be empty."""
        if not isinstance(self.value, str) or not self.value:
            self.refuse("this must be a text")
        return self.value

    def truth(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.refuse("this must be true or false")
        return self.value

    def number(self) -> float:
        """The number that is here."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("this must be a number")
        return float(self.value)

    def number_or_text(self) -> float:
        """The number that is here, also when it is written as a text."""
        if not isinstance(self.value, str):
            return self.number()
        try:
            return float(self.value)
        except ValueError:
            self.refuse(f"{self.value!r} is not a number")
