"""SeldonDeployments that the documents show can be applied, on both runtimes, without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import kubernetes_validate
import pytest

from deploy.manifests import cautions_of, check_manifest, read_manifests
from deploy.rendering import Options, render_manifest

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(?:yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_A_SHELL = re.compile(r"<<'?END'?\n(.*?)\nEND", re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """(page, text) of every whole manifest."""
    found = []
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text()
        blocks = [block for pattern in (FENCED, IN_A_SHELL) for block in pattern.findall(text)]
        found += [(path.stem, block) for block in blocks if "kind: SeldonDeployment" in block]
    return found


def test_the_documents_show_some() -> None:
    assert shown()


@pytest.mark.parametrize(("page", "text"), shown(), ids=[page for page, _ in shown()])
def test_manifest_that_is_shown_can_be_applied(page: str, text: str) -> None:
    for manifest in read_manifests(text):
        check_manifest(manifest)
        assert [str(each) for each in cautions_of(manifest)] == []
        for options in (Options(), Options(engine="orchestrator")):
            for made in render_manifest(manifest, options):
                kubernetes_validate.validate(made, "1.34", strict=True)
