"""Memory and files of the outputs are bounded, and their bytes always the same."""

from __future__ import annotations

import gzip

from offline.jobs.splitting.outputs import Outputs


def fill(outputs: Outputs) -> dict[str, bytes]:
    for number in range(200):
        outputs.add(f"client{number % 3}", [b"line %d" % number])
    return {name: b"".join(content) for name, content in outputs.contents().items()}


def test_every_line_is_in_its_file_in_order() -> None:
    with Outputs() as outputs:
        unpacked = gzip.decompress(fill(outputs)["client1"])
    assert unpacked == b"".join(b"line %d\n" % number for number in range(1, 200, 3))


def test_little_memory_gives_the_same_lines() -> None:
    with Outputs() as ample, Outputs(pending_bytes=50, packed_bytes=400) as scarce:
        expected, found = fill(ample), fill(scarce)
    assert {name: gzip.decompress(data) for name, data in found.items()} == {
        name: gzip.decompress(data) for name, data in expected.items()
    }


def test_content_can_be_gone_through_twice() -> None:
    with Outputs(pending_bytes=50, packed_bytes=400) as outputs:
        fill(outputs)
        content = outputs.contents()["client0"]
        assert b"".join(content) == b"".join(content) != b""


def test_same_lines_give_the_same_bytes() -> None:
    with Outputs(50, 400) as one, Outputs(50, 400) as other:
        assert fill(one) == fill(other)
