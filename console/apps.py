"""The console as a Django app, and the admin site it puts in Django's place."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleConfig(AppConfig):
    """The operators' pages: registered with the addresses, which processes that show none never load."""

    name = "console"
    verbose_name = "Console"
    default = True


class ConsoleAdminConfig(SimpleAdminConfig):
    """Django's admin with our site.

    Nothing is discovered: the packages we use bring pages of their own, among them one that shows
    access tokens in clear.
    """

    default_site = "console.site.ConsoleSite"
