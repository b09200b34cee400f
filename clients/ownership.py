"""A manager that refuses to run a query on clients' data unless it was told whose data is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from django.db import models

from clients.errors import OwnerNotNamedError

if TYPE_CHECKING:
    from clients.models import Client

T = TypeVar("T", bound=models.Model)

# What reaches the database. Each is guarded; building a query (filter, order_by …) is free.
_RUNNING = (
    "_fetch_all",
    "_raw_delete",
    "_update",
    "aggregate",
    "count",
    "delete",
    "exists",
    "explain",
    "iterator",
    "resolve_expression",
    "update",
)


class OwnedQuerySet(models.QuerySet[T], Generic[T]):
    """Runs only after `for_client` or `for_all_clients`, or when it hangs on a client already.

    Raises OwnerNotNamedError otherwise. `client.keys.all()` hangs on a client: Django remembers the
    instance of a reverse relation in `_known_related_objects`.
    """

    _owner_named = False

    @property
    def owner_field(self) -> str:
        """The model's foreign key to Client: `client`, or what its `owner_field` says."""
        return getattr(self.model, "owner_field", "client")

    def for_client(self, client: Client | int) -> Self:
        """Only the rows of `client` (a Client or its primary key)."""
        owned = self.filter(**{self.owner_field: client})
        owned._owner_named = True
        return owned

    def for_all_clients(self) -> Self:
        """Rows of every client: for operators' lists and background loaders, easy to search for."""
        named = self._chain()  # type: ignore[attr-defined]
        named._owner_named = True
        return cast("Self", named)

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._owner_named = self._owner_named
        return cast("Self", clone)

    def _check_owner(self) -> None:
        related = getattr(self, "_known_related_objects", {})
        if not self._owner_named and all(field.name != self.owner_field for field in related):
            raise OwnerNotNamedError(self.model.__name__)


def _guarded(name: str) -> Any:
    """The QuerySet method `name`, behind the check."""

    def guarded(self: OwnedQuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        self._check_owner()
        return getattr(super(OwnedQuerySet, self), name)(*args, **kwargs)

    guarded.__name__ = name
    for mark in ("alters_data", "queryset_only"):
        if hasattr(getattr(models.QuerySet, name), mark):
            setattr(guarded, mark, getattr(getattr(models.QuerySet, name), mark))
    return guarded


for _name in _RUNNING:
    setattr(OwnedQuerySet, _name, _guarded(_name))

OwnedManager = models.Manager.from_queryset(OwnedQuerySet, "OwnedManager")
