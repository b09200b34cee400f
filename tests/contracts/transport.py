"""What every transport promises; a transport joins by one line in `test_transport.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from predictions.errors import AnswerTooLargeError, MicroserviceDownError, MicroserviceSlowError
from predictions.transports.base import Answer, Call, Transport

# What the model does with a call, and a block in which a transport reaches a model that does it.
Model = Callable[[Call], Answer]
Reaching = Callable[..., AbstractAsyncContextManager[Transport]]


def echo(call: Call) -> Answer:
    return Answer(200, "application/json", call.body)


class TransportContract:
    """Run by `test_transport.py` over each transport; `reaching(model, delay=…)` is the fixture."""

    async def test_answer_comes_back_byte_for_byte(self, reaching: Reaching) -> None:
        body = '{"näme": 12345678901234567890, "x" : 1.10}'.encode()
        async with reaching(echo) as transport:
            assert await transport.call(Call("POST", "/predict", body), 5) == Answer(
                200, "application/json", body
            )

    async def test_one_transport_carries_many_calls_in_a_row(self, reaching: Reaching) -> None:
        async with reaching(echo) as transport:
            bodies = [(await transport.call(Call("POST", "/", b"%d" % i), 5)).body for i in range(20)]
        assert bodies == [b"%d" % i for i in range(20)]

    async def test_calls_at_once_get_their_own_answers(self, reaching: Reaching) -> None:
        async with reaching(echo) as transport:
            calls = [transport.call(Call("POST", "/", b"%d" % i), 5) for i in range(30)]
            answers = await asyncio.gather(*calls)
        assert [answer.body for answer in answers] == [b"%d" % i for i in range(30)]

    async def test_an_error_status_is_an_answer(self, reaching: Reaching) -> None:
        async with reaching(lambda call: Answer(500, "text/plain", b"no")) as transport:
            assert await transport.call(Call("POST", "/", b"{}"), 5) == Answer(500, "text/plain", b"no")

    async def test_deadline_ends_the_call(self, reaching: Reaching) -> None:
        async with reaching(echo, delay=30) as transport:
            with pytest.raises(MicroserviceSlowError):
                await transport.call(Call("POST", "/", b"{}"), 0.1)

    async def test_answer_over_the_limit_is_refused(self, reaching: Reaching) -> None:
        async with reaching(echo, max_answer_bytes=1000) as transport:
            with pytest.raises(AnswerTooLargeError):
                await transport.call(Call("POST", "/", b"x" * 1001), 5)
            assert (await transport.call(Call("POST", "/", b"x" * 1000), 5)).status == 200

    async def test_closed_transport_sends_nothing(self, reaching: Reaching) -> None:
        async with reaching(echo) as transport:
            await transport.close()
            with pytest.raises(MicroserviceDownError):
                await transport.call(Call("POST", "/", b"{}"), 5)

    async def test_puid_cannot_end_a_header(self, reaching: Reaching) -> None:
        async with reaching(echo) as transport:
            answer = await transport.call(Call("POST", "/", b"{}", puid="a\r\nX-Evil: é\r\n\r\n"), 5)
        assert answer.body == b"{}"
