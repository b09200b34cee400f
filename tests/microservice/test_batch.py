"""`seldon-batch-processor`: lines in, answers out, and what is written for those that fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from microservice.client.batch import main
from tests.microservice.conftest import Gateway

LINES = [[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]


def run(folder: Path, gateway: Gateway, lines: list[Any], *words: str) -> tuple[Result, list[Any]]:
    """What the command did, and the lines it wrote."""
    source, output = folder / "in.txt", folder / "out.txt"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    output.write_text("")
    named = [
        "-d",
        "d",
        "-n",
        "n",
        "-g",
        "ambassador",
        "-h",
        gateway.rest,
        "-i",
        str(source),
        "-o",
        str(output),
    ]
    done = CliRunner().invoke(main, [*named, "-u", "B", *words])
    return done, [json.loads(line) for line in output.read_text().splitlines()]


def test_every_line_is_asked_for_with_its_tags_and_answered(tmp_path: Path, gateway: Gateway) -> None:
    done, answers = run(tmp_path, gateway, LINES, "-w", "2")
    assert (done.exit_code, "3 lines, 0 of them not answered" in done.output) == (0, True)
    assert sorted(answer["data"]["ndarray"] for answer in answers) == LINES
    for answer, (path, headers, _) in zip(answers, gateway.seen, strict=True):
        assert (path, answer["meta"]["tags"]["batch_id"]) == ("/seldon/n/d/api/v1.0/predictions", "B")
        assert "seldon-puid" in {name.lower() for name in headers}
    indexes = {answer["meta"]["tags"]["batch_index"] for answer in answers}
    identities = {answer["meta"]["tags"]["batch_instance_id"] for answer in answers}
    assert (indexes, len(identities)) == ({0, 1, 2}, 3)


@pytest.mark.parametrize("kind", ["ndarray", "tensor"])
def test_several_lines_go_in_one_request_and_come_back_as_lines(
    tmp_path: Path, gateway: Gateway, kind: str
) -> None:
    done, answers = run(tmp_path, gateway, LINES, "-s", "2", "-p", kind)
    assert (done.exit_code, len(gateway.seen)) == (0, 2)
    shown = [
        {"ndarray": line} if kind == "ndarray" else {"tensor": {"shape": [1, 2], "values": line[0]}}
        for line in LINES
    ]
    assert [answer["data"] for answer in answers] == [{"names": [], **each} for each in shown]
    assert [answer["meta"]["tags"]["batch_instance_id"][-7:] for answer in answers] == [
        "-item-0",
        "-item-1",
        "-item-0",
    ]


@pytest.mark.parametrize(
    ("kind", "line", "sent"),
    [
        ("str", "x", {"strData": "x"}),
        ("json", {"a": 1}, {"jsonData": {"a": 1}}),
        ("raw", {"data": {"ndarray": [[1]]}, "meta": {"tags": {"own": 1}}}, {"data": {"ndarray": [[1]]}}),
    ],
)
def test_every_type_of_line_is_sent(
    tmp_path: Path, gateway: Gateway, kind: str, line: Any, sent: Any
) -> None:
    _, answers = run(tmp_path, gateway, [line], "-a", kind)
    tags = answers[0]["meta"]["tags"]
    assert {name: value for name, value in answers[0].items() if name != "meta"} == sent
    assert (tags["batch_id"], tags.get("own")) == ("B", 1 if kind == "raw" else None)


def test_feedback_is_sent_as_it_stands(tmp_path: Path, gateway: Gateway) -> None:
    feedback = {"request": {"strData": "x"}, "reward": 1.0}
    assert run(tmp_path, gateway, [feedback], "-m", "feedback", "-a", "raw")[0].exit_code == 0
    assert gateway.seen[0][::2] == ("/seldon/n/d/api/v1.0/feedback", feedback)


def test_what_fails_is_tried_again_and_then_a_line_that_says_so(tmp_path: Path, gateway: Gateway) -> None:
    gateway.status = 503
    done, answers = run(tmp_path, gateway, [LINES[0]], "-r", "2")
    assert (done.exit_code, len(gateway.seen)) == (0, 2)
    assert "1 of them not answered" in done.output
    assert answers[0]["status"] == {"info": "FAILURE", "reason": "503:Service Unavailable", "status": 1}
    assert answers[0]["meta"]["batch_id"] == "B"


def test_lines_that_do_not_fit_fail_alone(tmp_path: Path, gateway: Gateway) -> None:
    _, answers = run(tmp_path, gateway, [[[1], [2]], [[3]]], "-s", "2")
    assert ["one row" in answer["status"]["reason"] for answer in answers] == [True, True]
    _, answers = run(tmp_path, gateway, [3, {"strData": "x"}], "-a", "raw")
    assert [answer.get("strData") for answer in answers] == [None, "x"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-m", "feedback"), "needs --data-type raw"),
        (("-s", "2", "-a", "str"), "needs --data-type data or raw"),
        (("-o", "in.txt", "-i", "in.txt"), "is the file that is read"),
    ],
)
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["-d", "d", "-o", "out.txt", *words])
    assert (done.exit_code, said in done.output) == (2, True)


def test_a_line_that_is_no_json_is_named(tmp_path: Path, gateway: Gateway) -> None:
    (tmp_path / "in.txt").write_text("[[1]]\n{\n")
    words = ["-d", "d", "-h", gateway.rest, "-i", str(tmp_path / "in.txt"), "-o", str(tmp_path / "out.txt")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, "line 2 is not JSON" in done.output) == (1, True)


def test_options_are_read_from_seldon_cores_variables(tmp_path: Path, gateway: Gateway) -> None:
    (tmp_path / "in.txt").write_text('"x"\n')
    variables = {
        "DEPLOYMENT_NAME": "e", "NAMESPACE": "m", "HOST": gateway.rest, "GATEWAY_TYPE": "ambassador",
        "DATA_TYPE": "str", "INPUT_DATA_PATH": str(tmp_path / "in.txt"), "ID": "V", "SIZE": "1",
        "OUTPUT_DATA_PATH": str(tmp_path / "out.txt"), "WORKERS": "2", "RETRIES": "1", "MIN_INTERVAL": "0",
        "CALL_CREDENTIALS_TOKEN": "T",
    }  # fmt: skip
    named = {f"SELDON_BATCH_{name}": value for name, value in variables.items()}
    assert CliRunner().invoke(main, [], env=named).exit_code == 0
    path, headers, sent = gateway.seen[0]
    assert (path, headers["X-Auth-Token"]) == ("/seldon/m/e/api/v1.0/predictions", "T")
    assert (sent["strData"], sent["meta"]["tags"]["batch_id"]) == ("x", "V")
