"""Days split from beginning to end on a folder: late, changed, half-written, damaged and many files."""

from __future__ import annotations

import gzip
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from offline.errors import JobParametersError, TooManyBadLinesError
from offline.jobs.splitting.sources import output_name
from pipelines.days import day_folder, day_number
from tests.offline.splitting.machine import DAY, Machine, event, make_old, pack, plain


def test_each_client_gets_its_own_events_in_files_named_after_their_sources(machine: Machine) -> None:
    machine.hour(9, [event("acme", 1), event("globex", 2), event("acme", 3)])
    machine.hour(10, [plain("globex", 4)])
    result = machine.split()
    assert machine.lines("acme") == [plain("acme", 1), plain("acme", 3)]
    assert machine.lines("globex") == [plain("globex", 2), plain("globex", 4)]
    assert set(machine.outputs()) == {
        f"acme/events/{DAY}/20261121-09_0.log.gz",
        f"globex/events/{DAY}/20261121-09_0.log.gz",
        f"globex/events/{DAY}/20261121-10_0.log.gz",
    }
    assert result["clients"] == {"acme": 2, "globex": 2}
    assert (result["lines"], result["kept"], result["bad"], result["waiting"]) == (4, 4, {}, {})


def test_a_day_is_seconds_by_86_400() -> None:
    assert day_folder("acme", "events", day_number("20140127")) == "seldon-models/acme/events/16097"


def test_hourly_files_of_many_kinds_are_read(machine: Machine) -> None:
    import zstandard  # noqa: PLC0415

    machine.file("10/20261121-10_0.log", plain("acme", 1) + b"\n" + plain("acme", 2))
    machine.file("10/20261121-10.host-a_1.log.gz", gzip.compress(event("acme", 3) + b"\n"))
    machine.file("11/20261121-11.log.zst", zstandard.compress(plain("acme", 4) + b"\n"))
    machine.file("part-00000", plain("acme", 5) + b"\n")
    machine.file("12/two.gz", pack([plain("acme", 6)]) + pack([plain("acme", 7)]) + b"\0" * 512)
    machine.file("12/empty.gz", b"")
    machine.file("12/.hidden.gz", pack([plain("acme", 8)]))
    machine.file("12/_SUCCESS", b"")
    machine.file("12/buffer.tmp", plain("acme", 9))
    machine.split()
    assert sorted(machine.lines("acme")) == [plain("acme", number) for number in range(1, 8)]


def test_outputs_of_different_sources_have_different_names() -> None:
    sources = [
        "10/20261121-10_0.log.gz", "20261121-10_0.log.gz", "11/20261121-10_0.log.gz", "10/20261121-10_0.log",
        "10/a.gz", "10~1a.gz", "10/a", "10/20261121-10_0.log~2.gz", "a/10/20261121-10_0.log.gz",
    ]  # fmt: skip
    names = [output_name(source, DAY) for source in sources]
    assert len(set(names)) == len(names)
    assert not any("/" in name or name.startswith((".", "_")) for name in names)
    assert names[0] == "20261121-10_0.log.gz"


def test_a_second_run_gives_the_same_bytes(machine: Machine) -> None:
    machine.hour(9, [event("acme", number) for number in range(100)] + [b"bad"])
    machine.split(max_bad_share=1)
    first = machine.outputs()
    machine.split(max_bad_share=1)
    assert machine.outputs() == first


def test_outputs_deleted_by_hand_come_back(machine: Machine) -> None:
    machine.hour(9, [event("acme")])
    machine.split()
    first = machine.outputs()
    for path in machine.root.glob("seldon-models/acme/events/*/*"):
        path.unlink()
    machine.split()
    assert machine.outputs() == first


def test_a_late_file_adds_outputs_when_a_later_day_is_split(machine: Machine) -> None:
    machine.hour(9, [event("acme", 1)])
    machine.split()
    machine.hour(9, [event("acme", 2)], number=1)
    result = machine.split(day=DAY + 1)
    assert machine.lines("acme") == [plain("acme", 1), plain("acme", 2)]
    assert [(day["day"], day["read"], day["unchanged"]) for day in result["earlier"]] == [
        ("2026-11-21", 1, 1)
    ]


def test_a_late_file_of_a_day_too_long_ago_is_left(machine: Machine) -> None:
    machine.hour(9, [event("acme", 1)])
    assert machine.split(day=DAY + 1, days=1)["earlier"] == []
    assert machine.lines("acme") == []


def test_a_changed_file_is_noticed_and_what_it_gave_before_is_gone(machine: Machine) -> None:
    machine.hour(9, [event("acme", 1), event("globex", 2), b"bad"])
    machine.split(max_bad_share=1)
    machine.hour(9, [event("globex", 3)])
    machine.split(day=DAY + 1)
    assert list(machine.outputs()) == [f"globex/events/{DAY}/20261121-09_0.log.gz"]
    assert machine.lines("globex") == [plain("globex", 3)]


def test_outputs_stay_when_their_source_is_deleted(machine: Machine) -> None:
    path = machine.hour(9, [event("acme")])
    machine.split()
    path.unlink()
    assert machine.split()["kept"] == 1
    assert machine.lines("acme") == [plain("acme")]


def test_a_half_written_file_waits_and_is_read_when_it_is_whole(machine: Machine) -> None:
    whole = pack([event("acme", number) for number in range(1000)])
    path = machine.file("09/20261121-09_0.log.gz", whole[: len(whole) // 2])
    machine.hour(10, [event("globex")])
    result = machine.split()
    assert list(result["waiting"]) == ["logs/events.2026/11/21/09/20261121-09_0.log.gz"]
    assert list(result["clients"]) == ["globex"]
    path.write_bytes(whole)
    machine.split(day=DAY + 1)
    assert len(machine.lines("acme")) == 1000


def test_of_a_file_that_nobody_finishes_the_whole_lines_are_taken(machine: Machine) -> None:
    whole = gzip.compress(b"".join(event("acme", number) + b"\n" for number in range(1000)), 0)
    make_old(machine.file("09/20261121-09_0.log.gz", whole[: len(whole) // 2]))
    result = machine.split()
    assert result["waiting"] == {}
    assert list(result["damaged"].values()) == ["it ends in the middle"]
    assert machine.lines("acme") == [plain("acme", number) for number in range(len(machine.lines("acme")))]
    assert 400 < len(machine.lines("acme")) < 600


def test_garbage_behind_a_file_is_told_and_its_lines_are_kept(machine: Machine) -> None:
    make_old(machine.file("09/20261121-09_0.log.gz", pack([event("acme", 1)]) + b"garbage"))
    assert len(machine.split()["damaged"]) == 1
    assert machine.lines("acme") == [plain("acme", 1)]


def test_file_with_a_wrong_checksum_is_told_and_nothing_doubtful_is_taken(machine: Machine) -> None:
    whole = bytearray(pack([event("acme", 1)]))
    whole[-8] ^= 0xFF
    make_old(machine.file("09/20261121-09_0.log.gz", bytes(whole)))
    assert "checksum" in next(iter(machine.split()["damaged"].values()))
    assert machine.outputs() == {}


def test_too_many_bad_lines_fail_the_run_after_the_good_ones_are_split(machine: Machine) -> None:
    machine.hour(9, [event("acme", number) for number in range(98)] + [b"bad", b'{"client":".."}'])
    with pytest.raises(TooManyBadLinesError, match=r"2 of 100 lines are bad \(2.00%\)"):
        machine.split()
    assert len(machine.lines("acme")) == 98
    assert machine.bad() == [b"bad", b'{"client":".."}']
    assert machine.split(max_bad_share=0.02)["bad"] == {"no_json": 1, "client_name": 1}


def test_bad_lines_of_an_earlier_day_do_not_fail_the_next_days_run(machine: Machine) -> None:
    machine.hour(9, [b"bad"])
    assert machine.split(day=DAY + 1)["earlier"][0]["bad"] == {"no_json": 1}


def test_names_that_lead_out_of_the_store_write_nothing_there(machine: Machine, tmp_path: Path) -> None:
    machine.hour(9, [event("../../x"), event(".."), event("_manifests")])
    with pytest.raises(TooManyBadLinesError):
        machine.split()
    assert {name.partition("/")[0] for name in machine.outputs()} == {"_bad"}
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "seldon-models"}


def test_empty_day_is_a_run_without_events(machine: Machine) -> None:
    result = machine.split()
    assert (result["read"], result["lines"], result["clients"]) == (0, 0, {})
    assert machine.outputs() == {}


def test_one_client_alone(machine: Machine) -> None:
    machine.hour(9, [event("acme", 1), event("globex", 2)])
    assert machine.split(client="globex")["clients"] == {"globex": 1}
    assert machine.lines("acme") == []


def test_another_place_of_the_hourly_files(machine: Machine) -> None:
    path = machine.root / "in/2026-11-21/x.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(plain("acme"))
    machine.split(input_path_pattern="in/%y-%m-%d/*")
    assert machine.lines("acme") == [plain("acme")]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"input_path_pattern": "logs/all/*"}, "%y, %m, %d is missing"),
        ({"input_path_pattern": "../%y%m%d/*"}, "below the store"),
        ({"client": ".."}, "no client's name"),
        ({"days": 0}, "days"),
        ({"max_bad_share": 2}, "max_bad_share"),
    ],
)
def test_wrong_parameters_are_told(machine: Machine, wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(JobParametersError, match=reason):
        machine.split(**wrong)


def test_thousands_of_clients_in_one_file_need_few_open_files(machine: Machine) -> None:
    machine.hour(9, [event(f"client-{number % 3000}", number) for number in range(6000)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Whatever the tests before have left open.
    few = len(os.listdir("/proc/self/fd")) + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        result = machine.split()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert result["client_count"] == 3000
    assert len(result["clients"]) == 1000
    assert machine.lines("client-77") == [plain("client-77", 77), plain("client-77", 3077)]


def test_progress_is_told_in_bytes(machine: Machine) -> None:
    machine.hour(9, [event("acme")])
    machine.hour(10, [event("acme")])
    machine.split()
    done, total, note = machine.told.reports[-1]
    assert done == total == sum(path.stat().st_size for path in machine.root.glob("logs/**/*.gz"))
    assert note == "2026-11-21"


def test_two_processes_give_the_same_bytes_as_one(machine: Machine) -> None:
    for hour in range(4):
        machine.hour(hour, [event(f"client{number % 7}", number) for number in range(500)])
    machine.split(processes=1)
    first = machine.outputs()
    machine.split(processes=2)
    assert machine.outputs() == first
