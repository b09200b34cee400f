"""The same split on S3, and on a store that breaks every fifth call."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offline.errors import StoreUnusableError
from offline.jobs import load_job
from offline.jobs.base import JobInput
from pipelines.errors import PipelineError
from pipelines.places import Place, use_places
from tests import servers_s3
from tests.offline.splitting.machine import DAY, Machine, Told, event, pack

HOURS = {
    f"logs/events.2026/11/21/{hour:02d}/20261121-{hour:02d}_0.log.gz": pack(
        event(f"client{number % 5}", number) for number in range(400)
    )
    for hour in range(3)
}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers_s3.moto(tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture
def expected(machine: Machine) -> dict[str, bytes]:
    """What a folder gives."""
    for path, data in HOURS.items():
        (machine.root / path).parent.mkdir(parents=True)
        (machine.root / path).write_bytes(data)
    machine.split()
    return machine.outputs()


def split_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, **parameters: Any
) -> tuple[dict[str, bytes], Told]:
    """The outputs on `place`, and what was told meanwhile."""
    from pipelines import places  # noqa: PLC0415

    monkeypatch.setattr(places, "_sources", list(places._sources))
    use_places(lambda: place)
    store, told = place.open(), Told()
    store.publish({path: [data] for path, data in HOURS.items()})
    job = load_job("split_events")
    job.run(JobInput(None, DAY, job.check_parameters({"processes": 1, **parameters})), told)
    found = [file for file in store.files("seldon-models") if "/_manifests/" not in file.path]
    return {f.path.removeprefix("seldon-models/"): b"".join(store.blocks(f)) for f in found}, told


def test_s3_holds_the_same_bytes_as_a_folder(
    s3: str, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = split_on(servers_s3.place(s3, "plain"), monkeypatch, processes=2)
    assert found == expected
    assert servers_s3.SECRET not in repr(told)


def test_store_that_breaks_every_fifth_call_ends_with_the_same_bytes(
    s3: str, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers_s3.breaking_every_fifth_call(s3) as broken:
        found, _ = split_on(servers_s3.place(broken, "breaking"), monkeypatch)
    assert found == expected


def test_key_of_the_jobs_document_opens_the_store(
    s3: str, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = servers_s3.place(s3, "document")
    found, told = split_on(place, monkeypatch, awskey="other", awssecret="another-secret")
    assert found == expected
    assert "another-secret" not in repr(told)


def test_store_that_refuses_is_told_also_from_another_process(machine: Machine, tmp_path: Path) -> None:
    machine.hour(9, [event("acme")])
    machine.hour(10, [event("acme")])
    (tmp_path / "seldon-models").write_text("a file where a folder should be")
    with pytest.raises(StoreUnusableError, match="the store failed while writing seldon-models/acme"):
        machine.split(processes=2)


def test_bucket_that_is_not_there_is_told(s3: str) -> None:
    with pytest.raises(PipelineError, match="the store failed while writing a"):
        Place("s3://no-such-bucket/x", "k", "s", s3).open().publish({"a": [b"x"]})


def test_bucket_that_is_not_there_has_no_folders(s3: str) -> None:
    place = Place("s3://no-such-bucket/x", "k", "s", s3)
    with pytest.raises(PipelineError, match="is the store's URL right"):
        place.open().folders("logs")


def split_empty(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the job on a store in which nothing was put."""
    from pipelines import places  # noqa: PLC0415

    monkeypatch.setattr(places, "_sources", [lambda: place])
    job = load_job("split_events")
    job.run(JobInput(None, DAY, job.check_parameters({"processes": 1})), Told())


def test_bucket_that_is_not_there_is_no_empty_day(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreUnusableError, match="there is no no-such-bucket/x"):
        split_empty(Place("s3://no-such-bucket/x", "k", "s", s3), monkeypatch)


def test_folder_of_a_bucket_with_nothing_in_it_is_an_empty_day(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_empty(servers_s3.place(s3, "nothing-yet"), monkeypatch)


def test_wrong_key_is_told(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers_s3.moto(tmp_path_factory.mktemp("guarded")) as address:
        servers_s3.ask_for_keys(address)
        with pytest.raises(StoreUnusableError, match=r"the store failed while .*(?i:access key|forbidden)"):
            split_empty(servers_s3.place(address, "x"), monkeypatch)


def test_outputs_on_s3_are_whole_gzip_files(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = split_on(servers_s3.place(s3, "whole"), monkeypatch)
    assert sum(gzip.decompress(data).count(b"\n") for data in found.values()) == 1200


def test_folder_that_cannot_be_written_is_told(machine: Machine, tmp_path: Path) -> None:
    machine.hour(9, [event("acme")])
    (tmp_path / "seldon-models").write_text("a file where a folder should be")
    with pytest.raises(StoreUnusableError, match="seldon-models"):
        machine.split()
