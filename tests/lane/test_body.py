"""Packed bodies: cut, padded, in many pieces, with something behind them."""

from __future__ import annotations

import gzip
import time
from struct import pack

import pytest
import zstandard

from common.errors import InvalidInputError, TooLargeError
from lane.body import inflate

LIMIT = 1 << 20
SKIPPED = pack("<II", 0x184D2A50, 4) + b"abcd"
EMPTY = {"gzip": gzip.compress(b""), "zstd": zstandard.compress(b""), "skipped": SKIPPED}


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"a" * 70_000) + gzip.compress(b"b")),
        ("gzip", gzip.compress(b"a" * 70_000) + b"\0" * 512 + gzip.compress(b"b") + b"\0" * 512),
        ("zstd", zstandard.compress(b"a" * 70_000) + SKIPPED + zstandard.compress(b"b")),
    ],
    ids=["gzip", "padded gzip", "zstd"],
)
def test_members_are_joined(encoding: str, body: bytes) -> None:
    assert inflate(body, encoding, LIMIT) == b"a" * 70_000 + b"b"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_empty_body_is_empty(encoding: str) -> None:
    assert inflate(b"", encoding, LIMIT) == b""


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(b"x" * 100)), ("zstd", zstandard.compress(b"x" * 100))],
    # gzip writes the time into its bytes: as an id they would name another test in each process.
    ids=["gzip", "zstd"],
)
def test_limit_itself_fits_and_one_byte_more_does_not(encoding: str, body: bytes) -> None:
    assert inflate(body, encoding, 100) == b"x" * 100
    with pytest.raises(TooLargeError):
        inflate(body, encoding, 99)


@pytest.mark.parametrize(
    "before", [b"", zstandard.compress(b"{}"), SKIPPED], ids=["nothing", "frame", "skipped"]
)
def test_bomb_behind_another_frame_is_refused(before: bytes) -> None:
    with pytest.raises(TooLargeError):
        inflate(before + zstandard.compress(b"x" * 10_000_000), "zstd", LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_cut_body_is_refused(encoding: str) -> None:
    packed = {"gzip": gzip.compress(b"{}"), "zstd": zstandard.compress(b"{}")}[encoding]
    with pytest.raises(InvalidInputError, match="ends in the middle"):
        inflate(packed + packed[:-2], encoding, LIMIT)


@pytest.mark.parametrize(("encoding", "kind"), [("gzip", "gzip"), ("zstd", "zstd"), ("zstd", "skipped")])
def test_body_of_countless_empty_pieces_is_refused_at_once(encoding: str, kind: str) -> None:
    body = EMPTY[kind] * (LIMIT // len(EMPTY[kind]))
    started = time.process_time()
    with pytest.raises(InvalidInputError, match="pieces"):
        inflate(body, encoding, LIMIT)
    # Copying what follows for each piece took seconds of the processor, in which a worker answered nobody.
    assert time.process_time() - started < 0.5
