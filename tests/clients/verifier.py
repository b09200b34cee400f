"""A process of its own: verifies credentials as a worker does, or changes clients as the console does."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

PATIENCE_SECONDS = 60.0


def say(**facts: Any) -> None:
    """One JSON line for the test."""
    sys.stdout.write(json.dumps({**facts, "at": time.time()}) + "\n")
    sys.stdout.flush()


def verify() -> None:
    """For each line `[kind, text]`: looks it up, says so, and when it is refused says when it still was not.

    On a starved machine a second has fewer of those looks, a hundred of which make one otherwise.
    """
    from clients.credentials import CredentialMemory  # noqa: PLC0415 - Django is set up first
    from clients.source import DatabaseSource  # noqa: PLC0415
    from common.errors import SeldonError  # noqa: PLC0415
    from stores.changes import ChangeWatcher, subscribe  # noqa: PLC0415

    memory = CredentialMemory(DatabaseSource())
    subscribe("credentials", memory.reload)
    watcher = ChangeWatcher()
    watcher.start()

    async def resolve(kind: str, text: str) -> None:
        await (memory.resolve_token(text) if kind == "token" else memory.resolve_js_key(text, "", ""))

    say(ready=True)
    for line in sys.stdin:
        kind, text = json.loads(line)
        asyncio.run(resolve(kind, text))
        say(accepted=text)
        end = time.time() + PATIENCE_SECONDS
        error_id, accepted_at = 0, list[float]()
        while not error_id and time.time() < end:
            try:
                asyncio.run(resolve(kind, text))
                accepted_at.append(time.time())
                time.sleep(0.01)
            except SeldonError as error:
                error_id = error.error_id
        say(error_id=error_id, accepted_at=accepted_at)
    watcher.stop()
    memory.close()


def manage() -> None:
    """For each line `[verb]`: one step on the client `acme`."""
    from clients import services  # noqa: PLC0415 - Django is set up first
    from clients.records import By  # noqa: PLC0415

    by = By("cli:test")
    new = services.setup_client(name="acme", by=by)
    steps: dict[str, Callable[[], object]] = {
        "disable": lambda: services.disable_client(client=new.client, by=by),
        "enable": lambda: services.enable_client(client=new.client, by=by),
        "rotate": lambda: services.rotate_key(key=new.key.key, overlap_seconds=1, by=by),
        "revoke": lambda: services.revoke_key(key=new.key.key, by=by),
        "revoke js": lambda: services.revoke_key(key=new.js_key.key, by=by),
    }
    say(ready=True)
    for line in sys.stdin:
        verb = json.loads(line)
        if verb == "token":
            say(text=services.issue_token(key=new.key.key).text)
        elif verb == "js":
            say(text=new.js_key.key.client_id)
        else:
            steps[verb]()
            say(done=verb)


if __name__ == "__main__":
    django.setup()
    {"verify": verify, "manage": manage}[sys.argv[1]]()
