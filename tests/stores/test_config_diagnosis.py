"""Findings about configuration documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.diagnosis import Finding
from stores.config import use_store
from stores.config.diagnosis import look_at_documents
from stores.config.memory import MemoryConfigStore
from tests.refusing import RefusingStore
from tests.servers_zookeeper import ZooKeeperServer


def found() -> dict[str, Finding]:
    return {finding.id: finding for finding in look_at_documents()}


def test_store_that_is_followed(settings: Any) -> None:
    settings.CONFIG_STORE = "memory"
    with use_store(MemoryConfigStore()):
        assert list(found()) == ["configuration.live"]


def test_document_that_is_refused_is_told_with_a_way_to_mend_it(settings: Any) -> None:
    settings.CONFIG_STORE = "memory"
    with use_store(RefusingStore({"/config/x": "/config/x: it is no JSON"})):
        finding = found()["configuration.refused"]
    assert "no JSON" in finding.what
    assert "config set /config/x" in finding.mend


@pytest.mark.slow
def test_missing_chroot_is_told(zookeeper_server: ZooKeeperServer, settings: Any, tmp_path: Path) -> None:
    settings.SELDON_DATA, settings.CONFIG_STORE = tmp_path, f"{zookeeper_server.new_chroot()}/none"
    with use_store(None):
        assert "zk init" in found()["configuration.away"].what
