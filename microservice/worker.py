"""One worker process: loads the class, serves it on the sockets it was handed, ends when told or orphaned."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from microservice.batching import Batcher
from microservice.component import Component, construct_component, load_component
from microservice.dispatch import Dispatcher
from microservice.errors import StartError
from microservice.finding import add_seldon_core
from microservice.hooks import PREDICT
from microservice.metrics import Meter, Snapshots
from microservice.rest import Receive, RestApp, Scope, Send
from microservice.settings import Settings
from microservice.tracing import Tracer, make_tracer

if TYPE_CHECKING:
    from microservice.grpc_server import GrpcDoor

log = logging.getLogger(__name__)
READY = "ready"  # the word supervisor.py waits for
CUSTOM = -1  # the number of the process that runs custom_service
SNAPSHOT_SECONDS = 1.0
STUCK_GRACE_SECONDS = 1  # what other calls have when one is stuck
HEARING_SECONDS = 0.1
TRACING_END_SECONDS = 3.0
LOOK_SECONDS = 0.5  # how often is looked whether the model is stuck
# A model may be slow for once, as when it warms up; after so many times its callers' patience it is stuck.
PATIENCES = 6
# So that the parent waits longer each time before it starts another worker.
STUCK_CODE = 1
LATENCY_MS = 5.0  # how long the first call of a batch waits, unless told otherwise


class WorkerServer(uvicorn.Server):
    """uvicorn's server, with the signals left to this module so that a told end is an exit with code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    is_stuck = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, hear what was already sent on new ones, then end as uvicorn does.

        It closes connections on which nothing was asked yet; those accepted a moment ago carry a request.
        """
        for server in self.servers:
            server.close()
        await asyncio.sleep(HEARING_SECONDS)
        await super().shutdown(sockets)

    def give_up(self) -> None:
        """End soon, to be replaced: a call outlasted its time and may keep its thread for ever."""
        log.error("a call did not end in its time; this worker ends, and another takes its place")
        self.is_stuck = self.should_exit = True
        self.config.timeout_graceful_shutdown = STUCK_GRACE_SECONDS

    def count_call(self) -> None:
        """Count a call that came over gRPC among the requests after which the worker is replaced."""
        self.server_state.total_requests += 1


class MetricsDoor:
    """Lets through only the metrics on the metrics port, and everything on the others."""

    def __init__(self, app: RestApp, port: int, path: str) -> None:
        self._app = app
        self._port = port
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["server"][1] == self._port and scope["path"] != self._path:
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
    add_seldon_core()
    try:
        if number == CUSTOM:
            return run_custom(settings, status)
        component = load_component(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(serve(component, settings, number, (status, sockets)))
    except StartError as error:
        if settings.debug:
            traceback.print_exc()
        report(status, str(error))
        return 1
    # A model call that outlasted the grace time must not keep the process.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def run_custom(settings: Settings, status: int) -> int:
    """Run the class's custom_service until it returns, or until the parent is gone."""
    component = construct_component(settings)
    report(status, READY)
    threading.Thread(target=await_orphaned, daemon=True).start()
    if component.custom_service is not None:
        component.custom_service()
    return 0


def await_orphaned() -> None:
    """End this process when the parent's end of standard input is closed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


async def serve(
    component: Component, settings: Settings, number: int, doors: tuple[int, list[socket.socket]]
) -> int:
    """Serve until told to end; then finish the calls under way, for as long as the grace time lasts.

    Return the exit code: above 0 when the model was stuck.
    """
    status, sockets = doors
    meter = Meter()
    snapshots = Snapshots(Path(settings.metrics_directory), str(number))
    dispatcher = Dispatcher(component, settings, meter, str(number))
    app = RestApp(dispatcher, settings, meter, snapshots)
    add_batcher(app, dispatcher)
    app.tracer = make_tracer(settings)
    server = WorkerServer(make_config(app, settings))
    app.threads.on_stuck = server.give_up
    door = await open_grpc(app, server)
    watch_end(server)
    writing = asyncio.create_task(write_snapshots(snapshots, meter))
    watching = asyncio.create_task(watch_model(app, server, settings.patience_seconds * PATIENCES))
    asyncio.get_running_loop().call_soon(report, status, describe_start(component))
    await server.serve(sockets=sockets)
    if door is not None:
        await door.end(STUCK_GRACE_SECONDS if server.is_stuck else settings.grace_seconds)
    await end_tracing(app.tracer)
    writing.cancel()
    watching.cancel()
    snapshots.write(meter)
    return STUCK_CODE if server.is_stuck else 0


async def watch_model(app: RestApp, server: WorkerServer, seconds: float) -> None:
    """Give the worker up once no call of the model has ended for `seconds`; 0 for never."""
    left = seconds
    while left > 0:
        await asyncio.sleep(min(left, LOOK_SECONDS))
        left = seconds - app.threads.stuck_seconds()
    if seconds:
        server.give_up()


async def end_tracing(tracer: Tracer) -> None:
    """Send the last spans, for a few seconds at most: a collector that is gone must not keep the worker."""
    sending = threading.Thread(target=tracer.end, daemon=True)
    sending.start()
    await asyncio.to_thread(sending.join, TRACING_END_SECONDS)


def add_batcher(app: RestApp, dispatcher: Dispatcher) -> None:
    """Batch the calls of `predict` when the options or the class ask for it."""
    component, settings = dispatcher.component, dispatcher.settings
    size = settings.max_batch_size or getattr(component.subject, "max_batch_size", 0)
    latency_ms = settings.max_latency_ms or getattr(component.subject, "max_latency_ms", LATENCY_MS)
    hook = component.hooks[PREDICT.name]
    if hook is None or not size:
        return
    if not isinstance(size, int) or not isinstance(latency_ms, int | float) or size < 0 or latency_ms < 0:
        raise StartError(
            f"max_batch_size is {size!r} and max_latency_ms {latency_ms!r}; they must be numbers"
        )
    dispatcher.batcher = Batcher(hook, app.threads, size, latency_ms)


async def open_grpc(app: RestApp, server: WorkerServer) -> GrpcDoor | None:
    """Return the gRPC door, listening, or None when it shall not be there."""
    address = app.dispatcher.settings.grpc_address
    if not address:
        return None
    from microservice.grpc_server import GrpcDoor  # noqa: PLC0415 - 20 MiB, for those who want it

    door = GrpcDoor(app, server.count_call)
    await door.start(address)
    return door


def describe_start(component: Component) -> str:
    """Return the word that the parent waits for, and whether it shall start custom_service as well."""
    return READY if component.custom_service is None else f"{READY} custom_service"


def make_config(app: RestApp, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration: no access log, no websockets, idle connections kept long."""
    return uvicorn.Config(
        app
        if settings.metrics_port is None
        else MetricsDoor(app, settings.metrics_port, settings.metrics_path),
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        limit_max_requests=count_requests(settings),
        timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
    )


def count_requests(settings: Settings) -> int | None:
    """Return after how many requests this worker ends, None for never; its process id spreads them."""
    if not settings.max_requests:
        return None
    return settings.max_requests + os.getpid() % (settings.max_requests_jitter + 1)


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
