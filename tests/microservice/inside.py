"""A microservice inside the test's own process and event loop: no process to start, every door to call."""

from __future__ import annotations

import json
import tempfile
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from microservice.component import Component
from microservice.dispatch import Dispatcher
from microservice.grpc_server import GrpcDoor
from microservice.metrics import Meter, Snapshots
from microservice.rest import RestApp
from microservice.settings import Settings


@dataclass
class Inside:
    """One application and how to ask it; the headers of the latest answer stay in `headers`."""

    app: RestApp
    meter: Meter
    headers: dict[str, str] = field(default_factory=dict)
    counted: int = 0

    async def call(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> tuple[int, Any]:
        """Return status and body, read as JSON when it is."""
        sent: list[Any] = []
        names = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": list(names.items()), "server": ("127.0.0.1", 9000),
        }  # fmt: skip
        content = body.encode() if isinstance(body, str) else body

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content}

        async def send(event: Any) -> None:
            sent.append(event)

        await self.app(scope, receive, send)
        start, end = sent
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        is_json = self.headers["content-type"] == "application/json" and end["body"]
        return start["status"], json.loads(end["body"]) if is_json else end["body"]

    async def post(self, path: str, message: Any, **headers: str) -> tuple[int, Any]:
        """Return status and body of a JSON post."""
        return await self.call("POST", path, json.dumps(message), content_type="application/json", **headers)

    def count_call(self) -> None:
        """Count a call as a worker does."""
        self.counted += 1

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[Any]:
        """Yield a gRPC channel to this application."""
        door = GrpcDoor(self.app, self.count_call)
        await door.start("127.0.0.1:0")
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
                yield channel
        finally:
            await door.end(0)


def make_inside(subject: Any, **settings: Any) -> Inside:
    """Return the application that serves an object; to be called in the loop that asks it."""
    folder = tempfile.mkdtemp(prefix="inside-")
    told = {"interface": "Model", "directory": ".", "parameters": {}, "model_name": "model"} | settings
    found, meter = Settings(**told), Meter()
    dispatcher = Dispatcher(Component(subject), found, meter)
    return Inside(RestApp(dispatcher, found, meter, Snapshots(Path(folder), "0")), meter)


def make_object(source: str, name: str) -> Any:
    """Return an object of the class that a source defines."""
    names: dict[str, Any] = {"__name__": name}
    exec(textwrap.dedent(source), names)
    found = names[name]()
    if hasattr(found, "load"):
        found.load()
    return found
