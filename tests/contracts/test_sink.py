"""Every sink against the contract of sinks."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from events.errors import SpoolFailedError
from events.shipping.merging import Place, Tail, merge_tails
from events.shipping.writers import Horizon, list_writers
from events.sinks.base import Sink
from events.sinks.memory import MemorySink
from events.sinks.segments import SegmentWriter
from events.sinks.spool import FsyncSpoolSink, OsSpoolSink, SpoolSink
from tests.contracts.sink import ReadBack, SinkContract
from tests.events.doubles import FailingDisk

SPOOLS: list[type[SpoolSink]] = [OsSpoolSink, FsyncSpoolSink]


class TestMemorySink(SinkContract):
    @pytest.fixture
    def sink(self) -> Sink:
        return MemorySink()

    @pytest.fixture
    def broken(self) -> Sink:
        sink = MemorySink()
        sink.failure = SpoolFailedError("made for the test")
        return sink

    @pytest.fixture
    def read_back(self) -> ReadBack:
        def read(sink: Sink) -> list[tuple[str, str, tuple[bytes, ...], bytes]]:
            assert isinstance(sink, MemorySink)
            return [(r.stream, r.client, r.objects, r.key_hash) for r in sink.records]

        return read


@pytest.mark.parametrize("kind", SPOOLS)
class TestSpoolSink(SinkContract):
    @pytest.fixture
    def sink(self, kind: type[SpoolSink], tmp_path: Path) -> Sink:
        return kind(SegmentWriter(tmp_path, "w0", synchronous=kind is FsyncSpoolSink))

    @pytest.fixture
    def broken(self, kind: type[SpoolSink], tmp_path: Path) -> Sink:
        disk = FailingDisk()
        disk.error = OSError(errno.EIO, "Input/output error")
        return kind(SegmentWriter(tmp_path, "w0", synchronous=False, files=disk))

    @pytest.fixture
    def read_back(self, tmp_path: Path) -> ReadBack:
        def read(_: Sink) -> list[tuple[str, str, tuple[bytes, ...], bytes]]:
            writers, _horizon = list_writers(tmp_path)
            tails = [Tail(writer, Place(), lambda _: None) for writer in writers]
            everything = Horizon(0, float("inf"))
            records = merge_tails([_unbounded(tail) for tail in tails], everything)
            return [(r.stream, r.client, _objects(r.payload), r.key_hash) for r in records]

        return read


def _unbounded(tail: Tail) -> Tail:
    writer = tail.writer
    dead = type(writer)(writer.folder, False, float("inf"), writer.segments)
    return Tail(dead, Place(), lambda _: None)


def _objects(payload: bytes) -> tuple[bytes, ...]:
    return tuple(line.split(b"\t", 2)[2] for line in payload.splitlines())
