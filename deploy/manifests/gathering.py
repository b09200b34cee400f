"""SeldonDeployments of several texts, with the faults of all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.manifests.errors import ManifestInvalidError, ManifestUnreadableError
from deploy.manifests.faults import Fault
from deploy.manifests.reading import read_well_formed
from deploy.manifests.records import Manifest
from deploy.manifests.validation import faults_of

# Where it is from, and what it says.
Text = tuple[str, str]


def read_all(texts: Iterable[Text]) -> list[Manifest]:
    """What `read_manifests` reads of each; its errors name the text, or have the faults of every one."""
    found, faults = _gather(texts)
    if faults:
        raise ManifestInvalidError(faults)
    return found


def read_and_check_all(texts: Iterable[Text]) -> list[Manifest]:
    """The same, and ManifestInvalidError has the rules that are broken, too."""
    found, faults = _gather(texts)
    faults += [fault for each in found for fault in faults_of(each)]
    if faults:
        raise ManifestInvalidError(faults)
    return found


def _gather(texts: Iterable[Text]) -> tuple[list[Manifest], list[Fault]]:
    found: list[Manifest] = []
    faults: list[Fault] = []
    for place, text in texts:
        try:
            found += read_well_formed(text, faults)
        except ManifestUnreadableError as error:
            raise ManifestUnreadableError(f"{place}: {error.reason}") from None
    return found, faults
