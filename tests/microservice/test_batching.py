"""Which calls are answered together, and that one bad call harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from microservice.batching import Batcher
from microservice.hooks import Hook
from microservice.threads import ModelThreads

Say = Callable[[Any, Any], Any]


async def ask(
    say: Say, rows: list[Any], size: int = 4, latency_ms: float = 5.0
) -> tuple[list[Any], list[int]]:
    """Return the answers to calls made at once, and how many rows each call of the model had."""
    seen: list[int] = []

    def predict(table: Any, names: Any) -> Any:
        seen.append(len(table))
        return say(table, names)

    batcher = Batcher(Hook(predict), ModelThreads(1, 100), size, latency_ms)
    calls = [batcher.call((value, ["a"]), {}) for value in rows]
    return await asyncio.gather(*calls, return_exceptions=True), seen


def tables(*counts: int) -> list[Any]:
    return [np.full((count, 1), index) for index, count in enumerate(counts)]


async def test_calls_are_joined_up_to_the_size_and_each_gets_its_rows() -> None:
    answers, seen = await ask(lambda table, names: table * 2, tables(1, 2, 1, 1))
    assert [answer.tolist() for answer in answers] == [[[0]], [[2], [2]], [[4]], [[6]]]
    assert seen == [4, 1]


async def test_tables_of_other_columns_and_what_is_no_table_are_kept_apart() -> None:
    answers, seen = await ask(lambda table, names: table, [*tables(1, 1), np.zeros((1, 2)), "text"])
    assert [len(answer) for answer in answers] == [1, 1, 1, 4]
    assert sorted(seen) == [1, 2, 4]


async def test_a_bad_row_fails_its_own_call_alone() -> None:
    def refuse_ones(table: Any, names: Any) -> Any:
        if (table == 1).any():
            raise ValueError("one")
        return table

    answers, seen = await ask(refuse_ones, tables(1, 1, 1))
    assert [type(answer).__name__ for answer in answers] == ["ndarray", "ValueError", "ndarray"]
    assert seen == [3, 1, 1, 1]


async def test_an_answer_of_another_length_is_refused_for_all() -> None:
    answers, _ = await ask(lambda table, names: table[:1], tables(1, 1))
    assert ["1 rows for a batch of 2" in str(answer) for answer in answers] == [True, True]
