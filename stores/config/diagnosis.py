"""Can configuration documents be followed, and is what is there in force?"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError

from common.diagnosis import Finding, probe
from stores.config import get_store
from stores.config.errors import ConfigUnavailableError
from stores.presence import has_database


@probe("configuration")
def look_at_documents() -> Iterator[Finding]:
    """configuration.live, configuration.away, configuration.refused"""
    where = settings.CONFIG_STORE
    if where.startswith("database") and not has_database():
        return
    mend = "start ZooKeeper, or mend CONFIG_STORE, ZOOKEEPER_USER and ZOOKEEPER_PASSWORD"
    try:
        store = get_store()
    except ConfigUnavailableError as error:
        # Of the database its own area tells.
        if not where.startswith("database"):
            yield Finding("configuration.away", "error", error.message, where, mend)
        return
    except DatabaseError:
        # The area of the database tells of it.
        return
    if store.state == "connected":
        words = f"{len(store.list())} documents, changes are followed"
        yield Finding("configuration.live", "fine", words, where)
    else:
        yield Finding("configuration.away", "error", str(store.problem), where, mend)
    for path, reason in sorted(store.refused.items()):
        what = f"what another tool wrote is refused, the last good version stays: {reason}"
        anew = f"write it anew: seldon-cli config set {path} FILE"
        yield Finding("configuration.refused", "warning", what, path, anew)
