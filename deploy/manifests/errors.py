"""Why a manifest is not taken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from common.errors import UnprocessableError
from deploy.manifests.faults import Fault


class ManifestUnreadableError(UnprocessableError):
    """The text is no YAML or JSON with SeldonDeployments in it, or it unfolds into too much."""

    code = "manifest_unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the manifest cannot be read: {reason}")
        self.reason = reason


class ManifestInvalidError(UnprocessableError):
    """A SeldonDeployment breaks its rules; `faults` has every place at once."""

    code = "manifest_invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        by_subject = groupby(faults, key=lambda fault: fault.subject)
        super().__init__(
            "\n".join(_sentence(subject, list(found)) for subject, found in by_subject),
            faults=[fault.to_document() for fault in faults],
        )
        self.faults = tuple(faults)


def _sentence(subject: str, faults: list[Fault]) -> str:
    """In Kubernetes' form: one fault on the same line, several below each other."""
    head = f'SeldonDeployment.machinelearning.seldon.io "{subject}" is invalid:'
    if len(faults) == 1:
        return f"{head} {faults[0]}"
    return "\n".join([head, *(f"- {fault}" for fault in faults)])
