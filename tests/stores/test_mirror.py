"""Documents as files the way Seldon's own tools keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stores.config.mirror import Difference, Mirror, differences

ALGS = "/all_clients/acme/algs"


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path)


def put(mirror: Mirror, path: str, content: bytes) -> None:
    file = mirror.folder / path.lstrip("/") / "_data_"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_document_is_written_readably_where_seldon_looks_for_it(mirror: Mirror) -> None:
    mirror.write(ALGS, '{"algorithms":[],"ü":1}')
    file = mirror.folder / "all_clients" / "acme" / "algs" / "_data_"
    assert file.read_text() == '{\n  "algorithms": [],\n  "ü": 1\n}\n'
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["_data_"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (ALGS, '{"a b":" c\\" ","n":[1.0,12345678901234567890,1e5],"t":"\\t"}'),
        ("/config/mf", "acme, globex"),
        ("/all_clients/acme/alg_test_switch", "on"),
        ("/all_clients/acme/attr", '"a text"'),
    ],
)
def test_what_is_read_back_is_what_was_written(mirror: Mirror, path: str, text: str) -> None:
    mirror.write(path, text)
    texts, faults = mirror.read()
    assert list(differences(texts, {path: text})) == []
    assert faults == {}


def test_numbers_and_strings_of_a_file_stay_as_they_are(mirror: Mirror) -> None:
    put(mirror, ALGS, b'\xef\xbb\xbf{\n  "a" : 1.10,\r\n\t"b": " x  y "\n}\n')
    assert mirror.read()[0] == {ALGS: '{"a":1.10,"b":" x  y "}'}


def test_what_is_no_json_stays_as_it_is_for_the_line_of_its_error(mirror: Mirror) -> None:
    put(mirror, ALGS, b'{\n"a": [}\n')
    assert mirror.read()[0] == {ALGS: '{\n"a": [}\n'}


def test_files_that_are_no_documents_are_told(mirror: Mirror) -> None:
    put(mirror, "/all_clients/a b", b"{}")
    put(mirror, "/elsewhere/x", b"{}")
    put(mirror, ALGS, b"\xff")
    texts, faults = mirror.read()
    assert texts == {}
    assert len(faults) == 3
    assert any("not UTF-8 at byte 0" in reason for reason in faults.values())


def test_older_offline_layout_is_read_and_the_newer_one_wins(mirror: Mirror) -> None:
    put(mirror, "/zed/offline/mf", b'{"rank":1}')
    assert mirror.read()[0] == {"/all_clients/zed/offline/mf": '{"rank":1}'}
    put(mirror, "/all_clients/zed/offline/mf", b'{"rank":2}')
    assert mirror.read()[0] == {"/all_clients/zed/offline/mf": '{"rank":2}'}


def test_prefix_takes_whole_segments(mirror: Mirror) -> None:
    for path in (ALGS, "/all_clients/acme2/algs", "/all_clients/acme"):
        put(mirror, path, b"{}")
    assert sorted(mirror.read("/all_clients/acme")[0]) == ["/all_clients/acme", ALGS]


def test_removing_leaves_no_empty_folder_and_what_is_beside(mirror: Mirror) -> None:
    mirror.write(ALGS, "{}")
    mirror.write("/all_clients/globex", "{}")
    mirror.remove(ALGS)
    assert [each.name for each in (mirror.folder / "all_clients").iterdir()] == ["globex"]


def test_differences_say_what_makes_the_target_like_the_source() -> None:
    source = {"/config/a": '{"x": 1, "y": 2}', "/config/b": "1", "/config/c": "true"}
    target = {"/config/a": '{"y":2,"x":1}', "/config/c": "1", "/config/d": "{}"}
    assert list(differences(source, target)) == [
        Difference("/config/b", "create", "1", None),
        Difference("/config/c", "change", "true", "1"),
        Difference("/config/d", "delete", None, "{}"),
    ]
