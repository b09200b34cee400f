"""What an authenticated caller may do here."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clients.errors import ScopeRefusedError, TokenMissingError
from clients.manage.actors import Actor


class IsManager(BasePermission):
    """Anybody the doors let in; methods that a view reserves for operators are refused to clients."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Actor):
            raise TokenMissingError
        if request.method in view.operator_methods and not request.user.is_operator:
            raise ScopeRefusedError("operator")
        return True
