"""The console's addresses, below /admin/: route, name, view."""

from __future__ import annotations

from typing import Final

from console.pages import audit, clients, configuration, deployments, keys, microservices, overview, runs
from console.requests import Page

PAGES: Final[list[tuple[str, str, Page]]] = [
    ("clients/", "clients", overview.show_clients),
    ("clients/new/", "client_new", clients.create_client),
    ("client/<str:name>/", "client", clients.show_client),
    ("client/<str:name>/settings/", "client_settings", clients.edit_settings),
    ("client/<str:name>/quota/", "client_quota", clients.set_client_quota),
    ("client/<str:name>/audit/", "client_audit", audit.show_client_audit),
    ("keys/", "keys", keys.show_all_keys),
    ("client/<str:name>/keys/", "client_keys", keys.show_keys),
    ("client/<str:name>/keys/new/", "client_key_new", keys.create_client_key),
    ("client/<str:name>/keys/<str:text>/", "client_key", keys.edit_key),
    ("client/<str:name>/keys/<str:text>/rotate/", "client_key_rotate", keys.rotate_client_key),
    ("client/<str:name>/keys/<str:text>/disable/", "client_key_disable", keys.disable_client_key),
    ("microservices/", "microservices", microservices.show_all),
    ("client/<str:name>/microservices/", "client_microservices", microservices.show_client),
    ("client/<str:name>/new-microservice/", "client_microservice_new", microservices.create),
    ("client/<str:name>/microservices/<str:service>/", "client_microservice", microservices.edit),
    ("client/<str:name>/microservices/<str:service>/test/", "client_microservice_test", microservices.test),
    (
        "client/<str:name>/microservices/<str:service>/remove/",
        "client_microservice_remove",
        microservices.remove,
    ),
    ("deployments/", "deployments", deployments.show_all),
    ("client/<str:name>/deployments/", "client_deployments", deployments.show_client),
    *[
        (f"client/<str:name>/deployments/<str:deployment>/{path}", f"client_deployment{suffix}", view)
        for path, suffix, view in (
            ("", "", deployments.show_one),
            ("live/", "_live", deployments.show_live),
            ("scale/", "_scale", deployments.scale),
            ("promote/", "_promote", deployments.promote),
            ("rollback/", "_rollback", deployments.roll_back),
            ("delete/", "_delete", deployments.delete),
            ("units/<str:predictor>/<str:unit>/", "_unit", deployments.show_unit),
            ("units/<str:predictor>/<str:unit>/live/", "_unit_live", deployments.show_unit_live),
        )
    ],
    ("runs/", "runs", runs.show_all),
    ("runs/new/", "run_new", runs.create),
    ("runs/<str:number>/", "run", runs.show_one),
    ("runs/<str:number>/live/", "run_live", runs.show_live),
    ("runs/<str:number>/cancel/", "run_cancel", runs.cancel),
    ("runs/<str:number>/retry/", "run_retry", runs.retry),
    ("client/<str:name>/runs/", "client_runs", runs.show_client),
    ("configuration/", "configuration", configuration.show_all),
    ("configuration/edit/", "configuration_edit", configuration.edit),
    ("configuration/history/", "configuration_history", configuration.show_history),
    ("configuration/rollback/", "configuration_rollback", configuration.roll_back),
    ("configuration/delete/", "configuration_delete", configuration.delete),
    ("client/<str:name>/configuration/", "client_configuration", configuration.show_client),
    ("audit/", "audit", audit.show_audit),
]
