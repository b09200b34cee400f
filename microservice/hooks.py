"""The methods a model author may write: which there are, what they take, and how each one is called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from microservice.errors import SeldonNotImplementedError, StartError
from microservice.protocol.errors import UnusableAnswerError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation:
    """Something a component can be asked for: its hook, the word for it in metrics, its other parameters."""

    name: str
    method: str
    parameters: tuple[str, ...] = ()
    takes_more: str = "meta"

    @property
    def expected(self) -> str:
        """Return the hook as its author should write it."""
        more = (f"{self.takes_more}=None",) if self.takes_more else ()
        return f"{self.name}({', '.join(('self', *self.parameters, *more))})"


TABLE = ("X", "features_names")
PREDICT = Operation("predict", "predict", TABLE)
TRANSFORM_INPUT = Operation("transform_input", "inputtransform", TABLE)
TRANSFORM_OUTPUT = Operation("transform_output", "outputtransform", TABLE)
ROUTE = Operation("route", "router", TABLE)
AGGREGATE = Operation("aggregate", "aggregate", ("features_list", "feature_names_list"), "")
FEEDBACK = Operation("send_feedback", "feedback", ("features", "feature_names", "reward", "truth"), "routing")
HEALTH = Operation("health_status", "health", (), "")
OPERATIONS = (PREDICT, TRANSFORM_INPUT, TRANSFORM_OUTPUT, ROUTE, AGGREGATE, FEEDBACK, HEALTH)
DIALECTS = ("rest", "grpc")


@dataclass(frozen=True, slots=True)
class Hook:
    """One method of the author's object, and what was found out about it at the start."""

    function: Callable[..., Any]
    is_async: bool = False
    more: str = ""

    async def call(self, *arguments: Any, more: Any = None) -> Any:
        """Return what the method says; `more` is handed over only to one that takes it."""
        named = {self.more: more} if self.more else {}
        result = self.function(*arguments, **named)
        return await result if self.is_async else result


def find_hook(subject: Any, name: str) -> Callable[..., Any] | None:
    """Return the object's method of that name, None when it has none; raises StartError if not callable.

    What a class merely inherits from SeldonComponent, where every hook says that it is missing, is none.
    """
    hook = getattr(subject, name, None)
    if hook is not None and not callable(hook):
        raise StartError(f"{describe(subject)}.{name} is a {type(hook).__name__}; it must be a method")
    return None if hook is None or is_inherited(subject, name) else hook


def is_inherited(subject: Any, name: str) -> bool:
    """Say whether a method is only the base class's word that it is not implemented."""
    if name in getattr(subject, "__dict__", {}):
        return False
    owner = next((kind for kind in type(subject).__mro__ if name in vars(kind)), None)
    return owner is not None and owner.__name__ == "SeldonComponent" and "user_model" in owner.__module__


def extends_base(subject: Any) -> bool:
    """Say whether the class is a SeldonComponent, ours or seldon_core's."""
    return any(kind.__name__ == "SeldonComponent" for kind in type(subject).__mro__)


def read_hook(subject: Any, operation: Operation) -> Hook | None:
    """Return the checked hook of an operation; raises StartError when it cannot be called as it will be."""
    function = find_hook(subject, operation.name)
    if function is None:
        return None
    return Hook(
        function, inspect.iscoroutinefunction(function), check_signature(subject, function, operation)
    )


def read_raw_hooks(subject: Any, operation: Operation, dialect: str) -> tuple[Hook, ...]:
    """Return the hooks that take whole messages, in the order in which they are asked: old names first."""
    names = (f"{operation.name}_{dialect}", f"{operation.name}_raw")
    found = (find_hook(subject, name) for name in names)
    return tuple(Hook(hook, inspect.iscoroutinefunction(hook)) for hook in found if hook is not None)


def find_plain(subject: Any, name: str) -> Callable[..., Any] | None:
    """Return a hook that has to be a plain method; raises StartError for an async one."""
    hook = find_hook(subject, name)
    if inspect.iscoroutinefunction(hook):
        raise StartError(f"{describe(subject)}.{name} is async; only hooks that get a message may be")
    return hook


def check_signature(subject: Any, function: Callable[..., Any], operation: Operation) -> str:
    """Return the further argument a hook takes, if any; raises StartError when it does not take the others.

    Asked once at the start: trying with `meta` and again without, as Seldon Core does, calls a model twice
    whose own code raises TypeError.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:
        return ""
    arguments = [None] * len(operation.parameters)
    if operation.takes_more and can_bind(signature, *arguments, **{operation.takes_more: None}):
        return operation.takes_more
    if can_bind(signature, *arguments):
        return ""
    place = f"{describe(subject)}.{operation.name}"
    raise StartError(f"{place} takes {signature}; write it as {operation.expected}")


def can_bind(signature: inspect.Signature, *arguments: Any, **named: Any) -> bool:
    """Say whether a call with these arguments fits."""
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


def describe(subject: Any) -> str:
    """Return the class's name and file, as an error names it."""
    kind = type(subject)
    try:
        return f"{kind.__name__} ({inspect.getsourcefile(kind)})"
    except (OSError, TypeError):
        return kind.__name__


def find_not_implemented() -> tuple[type[BaseException], ...]:
    """Return the exceptions by which a hook says that it is missing: ours and seldon_core's own."""
    module = sys.modules.get("seldon_core.user_model")
    found = getattr(module, "SeldonNotImplementedError", SeldonNotImplementedError)
    return SeldonNotImplementedError, found


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine in which nothing waits; this is how plain hooks run in threads."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise UnusableAnswerError("A hook that is no async method waited for the event loop")
