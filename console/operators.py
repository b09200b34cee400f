"""Operators: Django's users, in the theme, with every change in the audit log."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from clients.services import record_change
from console.requests import by_operator

# Importing Django's module registered its own pages.
for _model in (User, Group):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(User)
class OperatorAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Who may sign in. Staff see and change everything; superusers also change operators."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_superuser", "last_login")
    list_filter = ()
    search_fields = ("username", "email")
    ordering = ("username",)
    filter_horizontal = ()
    list_fullwidth = False
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2", "is_superuser")}),)
    actions = ()

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        """An operator is staff from the start; what changed goes to the audit log, without the password."""
        if not change:
            obj.is_staff = True
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            action = "change_operator" if change else "create_operator"
            after = {"changed": form.changed_data} if change else {"is_superuser": obj.is_superuser}
            self._note(request, action, obj, after)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Deletes and notes it."""
        with transaction.atomic():
            self._note(request, "delete_operator", obj, {})
            super().delete_model(request, obj)

    @staticmethod
    def _note(request: HttpRequest, action: str, operator: User, after: dict[str, Any]) -> None:
        record_change(
            by=by_operator(request), action=action, client=None, target=operator.username, after=after
        )
