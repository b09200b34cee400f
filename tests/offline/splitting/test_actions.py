"""Actions grouped per client, with the numbers that the day knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.offline.splitting.machine import DAY, Machine, pack


def action(client: str = "acme", user: str = "u1", item: str = "i1", **fields: Any) -> bytes:
    """A line as Seldon Server's collector wrote it."""
    known = {"userid": "7", "itemid": "9", "rectag": "default", "type": "1", "value": "0.0", "extra_data": {}}
    record = {"client": client, "client_itemid": item, "client_userid": user, **known, **fields}
    return b"2026-11-21T10:00:07Z\tactions.live\t" + json.dumps(record).encode()


def group(machine: Machine, *lines: bytes, **parameters: Any) -> dict[str, Any]:
    machine.hour(10, lines, kind="actions")
    return machine.split("group_actions", **parameters)


def actions(machine: Machine, client: str = "acme") -> list[dict[str, Any]]:
    return [json.loads(line) for line in machine.lines(client, kind="actions")]


def test_an_action_is_written_as_the_offline_jobs_of_seldon_read_it(machine: Machine) -> None:
    group(machine, action(extra_data={"a": [1, "é"]}, value="4.50", rectag="home"))
    assert machine.lines("acme", kind="actions") == [
        b'{"timestamp_utc":"2026-11-21T10:00:07Z","client":"acme","client_userid":"u1","userid":7,"itemid":9,'
        b'"client_itemid":"i1","rectag":"home","type":1,"value":4.50,"extra_data":{"a": [1, "\\u00e9"]}}'
    ]


@pytest.mark.parametrize("value", ["0.0", "1e5", "-3", "123456789012345678901234567890", 2.5, 3])
def test_a_value_keeps_its_digits(machine: Machine, value: Any) -> None:
    group(machine, action(value=value))
    assert b'"value":%b,' % str(value).encode() in machine.lines("acme", kind="actions")[0]


def test_a_user_without_number_gets_the_one_of_the_same_day(machine: Machine) -> None:
    machine.hour(23, [action(user="u2", userid="42")], kind="actions")
    group(machine, action(user="u2", userid="0"), action(user="u2", userid=0))
    assert [found["userid"] for found in actions(machine)] == [42, 42, 42]


def test_an_item_without_number_gets_one_as_well(machine: Machine) -> None:
    machine.hour(9, [action(item="i2", itemid="77")], kind="actions")
    group(machine, action(item="i2", itemid="0"))
    assert [found["itemid"] for found in actions(machine)] == [77, 77]


def test_numbers_of_another_client_are_not_taken(machine: Machine) -> None:
    result = group(machine, action("globex", user="u2", userid="42"), action("acme", user="u2", userid="0"))
    assert actions(machine) == []
    assert result["dropped"] == {"userid_unknown": 1}


def test_of_several_numbers_the_first_is_taken(machine: Machine) -> None:
    machine.hour(11, [action(userid="3")], kind="actions")
    group(machine, action(userid="0"), action(userid="2"), action(userid="1"))
    assert [found["userid"] for found in actions(machine)] == [2, 2, 1, 3]


def test_what_is_dropped_is_counted_and_kept_and_is_no_bad_line(machine: Machine) -> None:
    lines = [action(userid="0", user="x"), action(itemid="0", item="y")]
    result = group(machine, *lines)
    assert result["dropped"] == {"userid_unknown": 1, "itemid_unknown": 1}
    assert result["bad"] == {}
    assert machine.bad(kind="actions") == lines


def test_a_late_file_repairs_what_was_dropped_before(machine: Machine) -> None:
    group(machine, action(user="u2", userid="0"))
    machine.hour(12, [action(user="u2", userid="42")], kind="actions")
    machine.split("group_actions", day=DAY + 1)
    assert [found["userid"] for found in actions(machine)] == [42, 42]
    assert machine.bad(kind="actions") == []


def test_names_written_in_other_escapes_are_the_same(machine: Machine) -> None:
    escaped = action(user="u2", userid="0").replace(b'"u2"', b'"\\u00752"')
    group(machine, action(user="u2", userid="42"), escaped)
    assert [found["userid"] for found in actions(machine)] == [42, 42]


def test_json_lines_take_their_time_from_the_action(machine: Machine) -> None:
    plain = action().split(b"\t")[2]
    group(machine, plain[:-1] + b',"timestamp":1795255737}', plain[:-1] + b',"timestamp_utc":"then"}')
    assert [found["timestamp_utc"] for found in actions(machine)] == ["2026-11-21T10:08:57Z", "then"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nothing", "no_json"),
        (b"t\tactions.live\t{", "no_json"),
        (b't\tactions.live\t{"client":"acme","x":"\xff"}', "not_utf8"),
        (b't\tactions.live\t{"client":5}', "no_action"),
        (action("../x"), "client_name"),
        (action(userid="seven"), "userid_no_number"),
        (action(itemid="9.5"), "itemid_no_number"),
        (action(type="x"), "type_no_number"),
        (action(value="much"), "value_no_number"),
        (action(value=None), "value_no_number"),
        (action().split(b"\t")[2], "no_time"),
    ],
)
def test_line_that_is_no_action_is_counted_and_kept(machine: Machine, line: bytes, reason: str) -> None:
    result = group(machine, action(), line, max_bad_share=1)
    assert result["bad"] == {reason: 1}
    assert machine.bad(kind="actions") == [line]
    assert len(actions(machine)) == 1


def test_damaged_file_does_not_keep_numbers_from_others(machine: Machine) -> None:
    machine.file("09/20261121-09_0.log.gz", pack([action()])[:20], kind="actions")
    result = group(machine, action(userid="0"), action())
    assert (result["kept"], len(result["waiting"])) == (2, 1)
