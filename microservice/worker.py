"""One worker process: loads the class, serves it on the sockets it was handed, ends when told or orphaned."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
import uvloop

from microservice.component import Component, load_component
from microservice.dispatch import Dispatcher
from microservice.errors import StartError
from microservice.metrics import Meter, Snapshots
from microservice.rest import Receive, RestApp, Scope, Send
from microservice.settings import Settings

READY = "ready"  # the word supervisor.py waits for
KEEP_ALIVE_SECONDS = 75
SNAPSHOT_SECONDS = 1.0


class WorkerServer(uvicorn.Server):
    """uvicorn's server, with the signals left to this module so that a told end is an exit with code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class MetricsDoor:
    """Lets through only /metrics on the metrics port, and everything on the others."""

    def __init__(self, app: RestApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["server"][1] == self._port and scope["path"] != "/metrics":
            scope = dict(scope) | {"path": "/only-metrics-here"}
        await self._app(scope, receive, send)


def main(arguments: Sequence[str]) -> int:
    """Run a worker; `arguments` are its number, the status pipe's descriptor and those of the sockets.

    The settings are the first line of standard input. Its end means that the parent is gone.
    """
    number, status, *descriptors = map(int, arguments)
    settings = Settings.from_json(sys.stdin.readline())
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format=f"%(asctime)s %(levelname)s {settings.model_name}[{number}] %(message)s",
    )
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    try:
        component = load_component(settings)
    except StartError as error:
        if settings.debug:
            traceback.print_exc()
        report(status, str(error))
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(component, settings, number, (status, sockets)))
    # A model call that outlasted the grace time must not keep the process.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


async def serve(
    component: Component, settings: Settings, number: int, doors: tuple[int, list[socket.socket]]
) -> None:
    """Serve until told to end; then finish the calls under way, for as long as the grace time lasts."""
    status, sockets = doors
    meter = Meter()
    snapshots = Snapshots(Path(settings.metrics_directory), str(number))
    app = RestApp(Dispatcher(component, settings, meter, str(number)), settings, meter, snapshots)
    server = WorkerServer(make_config(app, settings))
    watch_end(server)
    writing = asyncio.create_task(write_snapshots(snapshots, meter))
    asyncio.get_running_loop().call_soon(report, status, READY)
    await server.serve(sockets=sockets)
    writing.cancel()
    snapshots.write(meter)


def make_config(app: RestApp, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration: no access log, no websockets, idle connections kept long."""
    return uvicorn.Config(
        app if settings.metrics_port is None else MetricsDoor(app, settings.metrics_port),
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
    )


def watch_end(server: WorkerServer) -> None:
    """End the server on SIGTERM, SIGINT, or when the parent's end of standard input is closed."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    def read_input() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            end()

    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_reader(sys.stdin.fileno(), read_input)


async def write_snapshots(snapshots: Snapshots, meter: Meter) -> None:
    """Write what this worker counted every second, for the workers that are asked for all."""
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            await asyncio.to_thread(snapshots.write, meter)


def report(status: int, word: str) -> None:
    """Tell the parent that this worker serves, or why it cannot."""
    with suppress(BrokenPipeError):
        os.write(status, word.encode())
    os.close(status)
