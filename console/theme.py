"""What django-unfold is told: names, colours, the sidebar. Plain data, read by the settings."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse_lazy


def _item(title: str, icon: str, page: str, view: str) -> dict[str, Any]:
    # The sidebar calls what is named for `active`, but prints `link` as it is.
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}"),
        "active": f"console.navigation.is_{page}_active",
    }


_BASE: Final = {
    "50": "oklch(98.4% .003 247.9)",
    "100": "oklch(96.8% .006 247.9)",
    "200": "oklch(92.6% .011 252.1)",
    "300": "oklch(86.9% .018 252.9)",
    "400": "oklch(71.6% .032 256.8)",
    "500": "oklch(55.4% .036 257.4)",
    "600": "oklch(44.6% .036 257.3)",
    "700": "oklch(37.2% .036 257.3)",
    "800": "oklch(27.9% .034 260.0)",
    "900": "oklch(20.8% .034 265.8)",
    "950": "oklch(12.9% .032 264.7)",
}
_PRIMARY: Final = {
    "50": "oklch(97.1% .016 199)",
    "100": "oklch(93.9% .036 199)",
    "200": "oklch(88.3% .065 200)",
    "300": "oklch(80.5% .096 202)",
    "400": "oklch(72.5% .116 206)",
    "500": "oklch(64.0% .113 212)",
    "600": "oklch(52.5% .098 218)",
    "700": "oklch(45.5% .085 221)",
    "800": "oklch(39.8% .071 223)",
    "900": "oklch(34.6% .060 225)",
    "950": "oklch(25.5% .048 227)",
}

UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "Seldon console",
    "SITE_HEADER": "Seldon",
    "SITE_SUBHEADER": "console",
    "SITE_ICON": "console.navigation.favicon",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "console.navigation.favicon"},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": ["console.navigation.stylesheet"],
    "SCRIPTS": ["console.navigation.script"],
    "COLORS": {"base": _BASE, "primary": _PRIMARY},
    "LOGIN": {"form": "console.login.LoginForm"},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _item("Overview", "monitoring", "overview", "index"),
                    _item("Clients", "apartment", "clients", "clients"),
                ]
            },
            {
                "title": "Manage",
                "separator": True,
                "items": [
                    _item("Keys", "key", "keys", "keys"),
                    _item("Microservices", "lan", "microservices", "microservices"),
                    _item("Deployments", "account_tree", "deployments", "deployments"),
                    _item("Runs", "play_circle", "runs", "runs"),
                    _item("Configuration", "data_object", "configuration", "configuration"),
                ],
            },
            {
                "title": "Watch over",
                "separator": True,
                "items": [
                    _item("Audit", "history", "audit", "audit"),
                    _item("Operators", "group", "operators", "auth_user_changelist"),
                    {"title": "API reference", "icon": "menu_book", "link": "/docs", "active": False},
                ],
            },
        ],
    },
}
