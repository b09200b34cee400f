"""What an engine does: one function over many tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
# Called about twice a second while an engine waits; what it raises ends the work.
Tick = Callable[[], None]


class Engine(ABC):
    """Runs a function of a module over tasks. A task may be run twice, so its output must be idempotent."""

    @abstractmethod
    def __init__(self, processes: int = 0, modules: Sequence[str] = ()) -> None:
        """`processes` at once; 0 leaves the number to the engine. It may load `modules` beforehand."""

    @abstractmethod
    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task], tick: Tick) -> Iterator[Result]:
        """The results, as they come."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the engine holds."""
