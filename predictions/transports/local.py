"""Units in this process: a model author's class behind the wrapper's own app, called without a socket.

For trusted code alone: what such a class does to the process it does to every client's predictions.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Coroutine, Generator, MutableMapping
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, Self

import orjson

from microservice.component import Component, call_load, check_parameters
from microservice.dispatch import Dispatcher
from microservice.error_handlers import ErrorHandler, find_error_handler
from microservice.errors import StartError
from microservice.finding import add_seldon_core, refusing
from microservice.hooks import (
    AGGREGATE,
    FEEDBACK,
    PREDICT,
    ROUTE,
    TRANSFORM_INPUT,
    TRANSFORM_OUTPUT,
    Operation,
    find_hook,
)
from microservice.metrics import Snapshots
from microservice.parameters import read_parameter
from microservice.protocol.errors import MicroserviceError, failure_body
from microservice.requests import Call as ModelCall
from microservice.rest import (
    RestApp,
    answer_call,
    answer_in_thread,
    answer_message,
)
from microservice.settings import Identity, Settings
from predictions.errors import (
    AnswerTooLargeError,
    MicroserviceDownError,
    MicroserviceSlowError,
    UnitUnloadableError,
)
from predictions.records import NO_PLACE, UnitPlace
from predictions.transports.base import Answer, Call, Transport
from predictions.transports.local_metrics import UnitMeter

SCHEME: Final = "python:"
JSON: Final = "application/json"
# The operation, by which it is known where its hooks run, and what calls them.
Asking = tuple[Operation, Callable[..., Any]]


class Place(NamedTuple):
    """Where a class is, of `python:/folder#module.Class?<parameters as JSON>`."""

    folder: Path
    module: str
    class_name: str
    parameters: list[Any]

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that `url` names; `Foo` alone is class Foo of module Foo."""
        path, _, rest = url.removeprefix(SCHEME).partition("#")
        dotted, _, parameters = rest.partition("?")
        module, _, name = dotted.rpartition(".")
        return cls(Path(path), module or name, name, orjson.loads(parameters) if parameters else [])


class LocalTransport(Transport):
    """Calls the class at `url`, loaded at the first call, in at most `threads` threads of its own."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        threads: int = 4,
        max_answer_bytes: int = 33_554_432,
        worker: int = 0,
        whose: UnitPlace = NO_PLACE,
    ) -> None:
        self.name = name
        self._worker = str(worker)
        self._whose = whose
        self._meter: UnitMeter | None = None
        self._place = Place.of(url)
        self._threads = threads
        self._max_answer_bytes = max_answer_bytes
        self._app: RestApp | None = None
        # What is asked all the time goes past the app's reading and writing of HTTP.
        self._asks: dict[str, Asking] = {}
        self._refuse: ErrorHandler | None = None
        self._loading = asyncio.Lock()
        self._closed = False

    async def call(self, call: Call, seconds: float) -> Answer:
        if self._closed:
            raise MicroserviceDownError(self.name, "the gateway lets go of it")
        try:
            answer = await _within(seconds, self._answer(call))
        except TimeoutError:
            raise MicroserviceSlowError(self.name, seconds) from None
        if len(answer.body) > self._max_answer_bytes:
            raise AnswerTooLargeError(self.name, self._max_answer_bytes)
        return answer

    async def close(self) -> None:
        self._closed = True
        if self._meter is not None:
            self._meter.close()
        if self._app is not None:
            self._app.threads.end()
            self._app.side_thread.end()
            self._app = None

    async def _answer(self, call: Call) -> Answer:
        app = self._app or await self._load()
        asked = self._asks.get(call.target)
        return await (_ask(app, call) if asked is None else self._ask_model(app, asked, call))

    async def _load(self) -> RestApp:
        async with self._loading:
            if self._app is None:
                try:
                    component = await asyncio.to_thread(load, self._place)
                except StartError as error:
                    raise UnitUnloadableError(self.name, str(error)) from None
                self._app = self._serve(component)
                self._asks = _asks_of(self._app.dispatcher)
                self._refuse = find_error_handler(component.subject)
            return self._app

    async def _ask_model(self, app: RestApp, asked: Asking, call: Call) -> Answer:
        """The answer of the class itself, made where its methods run."""
        operation, ask = asked
        given = ModelCall(call.method, call.target, b"", call.body, call.content_type)
        answer = partial(answer_call, partial(answer_message, ask, False), given, self._refuse)
        try:
            if app.dispatcher.runs_on_loop(operation):
                reply = await answer()
            else:
                reply = await app.threads.run(partial(answer_in_thread, answer))
        except MicroserviceError as error:
            body = orjson.dumps(failure_body(error.message, error.reason))
            return Answer(error.status_code, JSON, body)
        return Answer(reply.status, reply.content_type.decode("latin-1"), reply.body)

    def _serve(self, component: Component) -> RestApp:
        whose = self._whose
        identity = Identity(whose.unit, whose.image, whose.predictor, whose.version, whose.deployment)
        settings = Settings(
            self._place.class_name,
            str(self._place.folder),
            {},
            self.name,
            threads=self._threads,
            identity=identity,
        )
        meter = self._meter = UnitMeter(whose.client, identity)
        if self._closed:
            meter.close()
        dispatcher = Dispatcher(component, settings, meter, self._worker)
        return RestApp(dispatcher, settings, meter, Snapshots(Path(), "local"))


async def _within(seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
    """What `work` returns; TimeoutError when it takes longer. Work that never waits needs no timer."""
    answer: Answer
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        answer = done.value
        return answer
    async with asyncio.timeout(seconds):
        answer = await _Begun(work, waits_for)
    return answer


class _Begun(Generator[Any, Any, Answer]):
    """Awaits work that was begun and waits for `waits_for`."""

    def __init__(self, work: Coroutine[Any, Any, Answer], waits_for: Any) -> None:
        self._work = work
        self._waits_for: tuple[Any, ...] = (waits_for,)

    def __await__(self) -> Self:
        return self

    def send(self, value: Any) -> Any:
        """What it waits for next; the first time, what it waits for already."""
        if not self._waits_for:
            return self._work.send(value)
        (first,), self._waits_for = self._waits_for, ()
        return first

    def throw(self, *error: Any) -> Any:
        """As `send`, after a failure such as a cancellation."""
        return self._work.throw(*error)


def _asks_of(dispatcher: Dispatcher) -> dict[str, Asking]:
    return {
        "/predict": (PREDICT, dispatcher.predict),
        "/transform-input": (TRANSFORM_INPUT, dispatcher.transform_input),
        "/transform-output": (TRANSFORM_OUTPUT, dispatcher.transform_output),
        "/route": (ROUTE, dispatcher.route),
        "/aggregate": (AGGREGATE, dispatcher.aggregate),
        "/send-feedback": (FEEDBACK, dispatcher.send_feedback),
    }


def load(place: Place) -> Component:
    """The class at `place`, constructed and loaded; StartError says what keeps it from that."""
    add_seldon_core()
    found = getattr(_module(place), place.class_name, None)
    if not isinstance(found, type):
        raise StartError(f"there is no class {place.class_name} in {place.folder}/{place.module}")
    parameters = dict(read_parameter(entry) for entry in place.parameters)
    check_parameters(found, parameters)
    with refusing(f"constructing {found.__name__}"):
        component = Component(found(**parameters))
    hook = find_hook(component.subject, "load")
    if hook is not None:
        with refusing(f"{found.__name__}.load()"):
            call_load(hook, (NotImplementedError, *component.missing))
    return component


def _module(place: Place) -> ModuleType:
    """The module, under a name of its own: two folders may each have a `Model.py`."""
    stem = place.folder.joinpath(*place.module.split("."))
    file = next((each for each in (stem.with_suffix(".py"), stem / "__init__.py") if each.is_file()), None)
    if file is None:
        raise StartError(f"there is no file {stem}.py")
    name = f"seldon_unit_{blake2b(str(file).encode(), digest_size=8).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise StartError(f"{file} cannot be imported")
    if str(place.folder) not in sys.path:
        # For what the class imports beside itself; last, so that it stands in for nothing of ours.
        sys.path.append(str(place.folder))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with refusing(f"importing {file.name}"):
        spec.loader.exec_module(module)
    return module


async def _ask(app: RestApp, call: Call) -> Answer:
    """The app's answer to `call`, as a server would have asked it."""
    status, content_type, body = 500, "", b""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def send(event: MutableMapping[str, Any]) -> None:
        nonlocal status, content_type, body
        if event["type"] == "http.response.start":
            status = event["status"]
            content_type = dict(event["headers"]).get(b"content-type", b"").decode("latin-1")
        else:
            body = event["body"]

    await app(_scope(call), receive, send)
    return Answer(status, content_type, body)


def _scope(call: Call) -> dict[str, Any]:
    path, _, query = call.target.partition("?")
    headers = [(b"content-type", call.content_type.encode("latin-1"))]
    for line in call.headers.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        if colon:
            headers.append((name.lower(), value))
    return {
        "type": "http",
        "method": call.method,
        "path": path,
        "query_string": query.encode("ascii", "replace"),
        "headers": headers,
        "server": ("local", 0),
    }
