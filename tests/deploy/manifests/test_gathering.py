"""Manifests of several texts: all faults at once, and which text it is that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.manifests import ManifestInvalidError, ManifestUnreadableError, read_all, read_and_check_all
from tests.deploy.manifested import manifest, predictor


def text_of(*documents: dict[str, Any]) -> str:
    return "\n---\n".join(json.dumps(each) for each in documents)


def soap(name: str) -> dict[str, Any]:
    found = manifest(predictor("main"), name=name)
    return {**found, "spec": {**found["spec"], "protocol": "soap"}}


def shapeless(name: str) -> dict[str, Any]:
    found = manifest(predictor("main"), name=name)
    return {**found, "spec": {**found["spec"], "replicas": "many"}}


def test_faults_of_form_and_of_rules_are_told_at_once_over_documents_and_texts() -> None:
    texts = [("a.yaml", text_of(soap("one"), shapeless("two"))), ("b.yaml", text_of(shapeless("three")))]
    with pytest.raises(ManifestInvalidError) as caught:
        read_and_check_all(texts)
    told = {(fault.subject, fault.path, fault.message) for fault in caught.value.faults}
    assert told == {
        ("one", "spec", "Invalid protocol"),
        ("two", "spec.replicas", "must be a whole number"),
        ("three", "spec.replicas", "must be a whole number"),
    }


def test_rules_are_not_looked_at_where_only_names_are_wanted() -> None:
    assert [each.name for each in read_all([("a.yaml", text_of(soap("one")))])] == ["one"]
    with pytest.raises(ManifestInvalidError, match="must be a whole number"):
        read_all([("a.yaml", text_of(soap("one"), shapeless("two")))])


def test_text_that_cannot_be_read_is_named() -> None:
    texts = [("a.yaml", text_of(manifest())), ("folder/z.json", "{")]
    with pytest.raises(ManifestUnreadableError, match=r"cannot be read: folder/z\.json: line 1"):
        read_all(texts)
