"""SeldonDeployments: read, default, check, write. Pure: no Django, no network, no files.

manifests = read_manifests(text)        # ManifestUnreadableError, ManifestInvalidError (wrong form)
check_manifests(manifests)              # ManifestInvalidError: every rule that is broken, at once
for caution in cautions_of(manifest): …  # warnings, which keep nothing from being applied
whole = default_manifest(manifest)      # ports, endpoints, containers of prepackaged servers
"""

from __future__ import annotations

from deploy.manifests.cautions import cautions_of
from deploy.manifests.defaulting import Defaults, default_manifest
from deploy.manifests.errors import ManifestInvalidError, ManifestUnreadableError
from deploy.manifests.faults import Fault
from deploy.manifests.gathering import read_all, read_and_check_all
from deploy.manifests.reading import (
    manifest_from,
    read_manifests,
    write_manifest,
    write_manifests,
    write_objects,
)
from deploy.manifests.records import Component, Manifest, Predictor, Unit
from deploy.manifests.servers import DEFAULT_SERVERS, Server, Servers
from deploy.manifests.validation import check_manifest, check_manifests, faults_of

__all__ = [
    "DEFAULT_SERVERS",
    "Component",
    "Defaults",
    "Fault",
    "Manifest",
    "ManifestInvalidError",
    "ManifestUnreadableError",
    "Predictor",
    "Server",
    "Servers",
    "Unit",
    "cautions_of",
    "check_manifest",
    "check_manifests",
    "default_manifest",
    "faults_of",
    "manifest_from",
    "read_all",
    "read_and_check_all",
    "read_manifests",
    "write_manifest",
    "write_manifests",
    "write_objects",
]
