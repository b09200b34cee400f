"""The v2 protocol over HTTP: paths, datatypes, content types, tensors as bytes, and what is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.v2 import KINDS, read_json_tensor, read_raw_tensor, to_tensor, write_raw
from microservice.user_model import SeldonResponse
from tests.microservice.inside import Inside, make_inside

INFER = "/v2/models/model/infer"


class Recording:
    """Answers what it is given, or what it is told to, and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.says: Any = None

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        self.seen.append((X, list(names), meta))
        return X if self.says is None else self.says

    def init_metadata(self) -> dict[str, Any]:
        shown = {"messagetype": "tensor", "schema": {"names": ["a", "b"], "shape": [2]}}
        return {"name": "m", "versions": ["v1"], "inputs": [shown], "custom": {"author": "me"}}


@pytest.fixture
def model() -> Recording:
    return Recording()


@pytest.fixture
async def inside(model: Recording) -> Inside:
    return make_inside(model)


def tensor(datatype: str, shape: list[int], data: Any, name: str = "x", **parameters: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data, "parameters": parameters}


async def test_server_and_model_say_what_they_are(inside: Inside) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/model/ready"):
        assert await inside.call("GET", path) == (200, b"")
    assert (await inside.call("GET", "/v2"))[1]["extensions"] == ["binary_tensor_data"]
    status, found = await inside.call("GET", "/v2/models/model/versions/v1")
    assert status == 200
    assert found["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 2], "parameters": {}}]
    assert (found["name"], found["versions"], found["parameters"]) == ("model", ["v1"], {"author": "me"})


async def test_infer_answers_with_id_version_names_and_tags(inside: Inside, model: Recording) -> None:
    model.says = SeldonResponse(np.array([[1.5]], dtype=np.float32), tags={"a": 1, "b": [2]})
    asked = {"id": "abc", "parameters": {"p": 1}, "inputs": [tensor("INT64", [1, 2], [[1, 2]])]}
    assert await inside.post(INFER, asked) == (200, {
        "model_name": "model", "model_version": "v1", "id": "abc", "parameters": {"a": 1, "b": "[2]"},
        "outputs": [{"name": "output-0", "datatype": "FP32", "shape": [1, 1], "data": [1.5],
                     "parameters": {"content_type": "np"}}],
    })  # fmt: skip
    value, names, meta = model.seen[0]
    assert (value.tolist(), value.dtype, names) == ([[1, 2]], np.int64, [])
    assert meta == {"puid": "abc", "tags": {"p": 1}}


async def test_an_answer_has_an_id_also_when_the_request_had_none(inside: Inside) -> None:
    ids = {(await inside.post(INFER, {"inputs": [tensor("BOOL", [1], [True])]}))[1]["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("datatype", KINDS)
async def test_every_datatype_keeps_its_type_both_ways(
    inside: Inside, model: Recording, datatype: str
) -> None:
    sent = tensor(datatype, [2, 1], [1, 0] if datatype != "BOOL" else [True, False])
    _, answer = await inside.post(INFER, {"inputs": [sent]})
    assert model.seen[0][0].dtype.name == KINDS[datatype]
    assert (answer["outputs"][0]["datatype"], answer["outputs"][0]["data"]) == (datatype, sent["data"])


@pytest.mark.parametrize("datatype", [*KINDS, "BYTES"])
def test_raw_bytes_keep_every_value(datatype: str) -> None:
    made = to_tensor("x", np.array([[b"a", b""]], dtype=object) if datatype == "BYTES"
                     else np.array([[1, 0]], dtype=KINDS[datatype]))  # fmt: skip
    head = {"name": "x", "datatype": datatype, "shape": [1, 2]}
    found = read_raw_tensor(head, write_raw(made))
    assert (found.datatype, found.values.tolist()) == (datatype, made.values.tolist())
    found.values[0, 0] = found.values[0, 1]  # a model may write into what it is given


@pytest.mark.parametrize(
    ("kind", "datatype"), [(">f8", "FP64"), (">i2", "INT16"), ("q", "INT64"), ("l", "INT64")]
)
def test_numbers_in_any_order_of_bytes_have_their_datatype(kind: str, datatype: str) -> None:
    made = to_tensor("x", np.array([1, 2], dtype=kind))
    assert (made.datatype, write_raw(made)) == (datatype, np.array([1, 2], dtype=KINDS[datatype]).tobytes())


@pytest.mark.parametrize("data", [[2**64 - 1, 0], [[2**64 - 1], [2**63]]])
def test_largest_whole_numbers_stand_beside_small_ones(data: list[Any]) -> None:
    found = read_json_tensor({"name": "x", "datatype": "UINT64", "shape": [2]}, data)
    assert found.values.tolist() == np.array(data, dtype=np.uint64).ravel().tolist()


@pytest.mark.parametrize("beside", [1.5, -1, 2**64])
def test_largest_whole_numbers_hide_no_wrong_one(beside: Any) -> None:
    with pytest.raises(InvalidMessageError, match="no UINT64"):
        read_json_tensor({"name": "x", "datatype": "UINT64", "shape": [2]}, [2**64 - 1, beside])


def test_numbers_that_v2_has_no_datatype_for_are_refused() -> None:
    for array in (np.array([1j]), np.array([1], dtype=np.longdouble), np.array([{}])):
        with pytest.raises(UnusableAnswerError, match="has no datatype in v2"):
            to_tensor("x", array)


@pytest.mark.parametrize(
    ("content_type", "sent", "given"),
    [("", "é", "é"), ("str", "é", "é"), ("np", "é", "é".encode()), ("base64", "AAE=", b"\0\1")],
)
async def test_bytes_are_what_their_content_type_says(
    inside: Inside, model: Recording, content_type: str, sent: str, given: Any
) -> None:
    parameters = {"content_type": content_type} if content_type else {}
    _, answer = await inside.post(INFER, {"inputs": [tensor("BYTES", [1, 1], [[sent]], **parameters)]})
    assert model.seen[0][0].tolist() == [[given]]
    kind, back = ("str", sent) if isinstance(given, str) else ("base64", None)
    assert answer["outputs"][0]["parameters"] == {"content_type": kind}
    assert back is None or answer["outputs"][0]["data"] == [back]


async def test_several_inputs_stand_side_by_side(inside: Inside, model: Recording) -> None:
    inputs = [tensor("INT64", [2], [1, 2], "a"), tensor("FP64", [2, 2], [3, 4, 5, 6], "b")]
    await inside.post(INFER, {"inputs": inputs})
    assert model.seen[0][0].tolist() == [[1, 3, 4], [2, 5, 6]]
    assert model.seen[0][1] == ["a", "b:0", "b:1"]
    await inside.post(INFER, {"inputs": [*inputs, tensor("BYTES", [2, 1], ["p", "q"], "c")]})
    assert model.seen[1][0].tolist() == [[1, 3, 4, "p"], [2, 5, 6, "q"]]


async def test_columns_become_a_data_frame_and_a_data_frame_becomes_columns(
    inside: Inside, model: Recording
) -> None:
    pytest.importorskip("pandas")
    inputs = [tensor("INT64", [2], [1, 2], "a"), tensor("BYTES", [2, 1], ["p", "q"], "b")]
    _, answer = await inside.post(INFER, {"parameters": {"content_type": "pd"}, "inputs": inputs})
    assert model.seen[0][0].to_dict("list") == {"a": [1, 2], "b": ["p", "q"]}
    assert [(each["name"], each["datatype"], each["data"]) for each in answer["outputs"]] == [
        ("a", "INT64", [1, 2]), ("b", "BYTES", ["p", "q"])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("says", "outputs"),
    [
        ({"p": np.array([1]), "q": np.array(["x"])}, [("p", "INT64", [1], [1]), ("q", "BYTES", [1], ["x"])]),
        ({"p": 1}, [("output-0", "BYTES", [1, 1], ['{"p":1}'])]),
        ("text", [("output-0", "BYTES", [1, 1], ["text"])]),
        (b"\0", [("output-0", "BYTES", [1, 1], ["AA=="])]),
        ([[1, 2]], [("output-0", "INT64", [1, 2], [1, 2])]),
    ],
)
async def test_whatever_a_hook_may_return_has_its_tensor(
    inside: Inside, model: Recording, says: Any, outputs: Any
) -> None:
    model.says = says
    _, answer = await inside.post(INFER, {"inputs": [tensor("BOOL", [1], [True])]})
    found = [(each["name"], each["datatype"], each["shape"], each["data"]) for each in answer["outputs"]]
    assert found == outputs


async def test_tensors_come_and_go_as_bytes_behind_the_json(inside: Inside) -> None:
    head = {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}},
        ],
        "outputs": [{"name": "output-0", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head).encode()
    sent = {"inference_header_content_length": str(len(text)), "content_type": "application/octet-stream"}
    status, body = await inside.call("POST", INFER, text + struct.pack("<2f", 1.5, 2.5), **sent)
    length = int(inside.headers["inference-header-content-length"])
    answer = json.loads(body[:length])
    assert (status, inside.headers["content-type"]) == (200, "application/octet-stream")
    assert answer["outputs"] == [
        {"name": "output-0", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}
    ]
    assert struct.unpack("<2f", body[length:]) == (1.5, 2.5)


async def test_nan_is_refused_in_json_and_goes_as_bytes(inside: Inside, model: Recording) -> None:
    model.says = np.array([float("nan")])
    asked: dict[str, Any] = {"inputs": [tensor("BOOL", [1], [True])]}
    status, answer = await inside.post(INFER, asked)
    assert (status, "nan" in answer["error"]) == (500, True)
    status, body = await inside.post(INFER, asked | {"parameters": {"binary_data_output": True}})
    assert (status, body[-8:]) == (200, struct.pack("<d", float("nan")))


GOOD = tensor("FP32", [1], [1])
REFUSED: dict[str, tuple[Any, str]] = {
    "no inputs": ({}, "at least one tensor"),
    "not an object": ([], "must be an object"),
    "inputs no list": ({"inputs": 3}, "array of objects"),
    "no name": ({"inputs": [GOOD | {"name": ""}]}, "needs a name"),
    "datatype": ({"inputs": [GOOD | {"datatype": "FP8"}]}, "not one of BOOL"),
    "shape": ({"inputs": [GOOD | {"shape": [2]}]}, r"shape \[2\] needs 2 values, there are 1"),
    "negative shape": ({"inputs": [GOOD | {"shape": [-1]}]}, "whole numbers"),
    "no data": ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]}, "data must be an array"),
    "ragged": ({"inputs": [GOOD | {"data": [[1], [2, 3]]}]}, "do not form a tensor"),
    "text as number": ({"inputs": [GOOD | {"data": ["1"]}]}, "are no FP32"),
    "cut": ({"inputs": [tensor("INT32", [1], [1.5])]}, "are no INT32"),
    "too large": ({"inputs": [tensor("UINT8", [1], [256])]}, "does not fit into UINT8"),
    "negative": ({"inputs": [tensor("UINT64", [1], [-1])]}, "does not fit into UINT64"),
    "number as text": ({"inputs": [tensor("BYTES", [1], [1])]}, "are texts"),
    "base64": ({"inputs": [tensor("BYTES", [1], ["?"], content_type="base64")]}, "is not base64"),
    "content type": ({"inputs": [tensor("FP32", [1], [1], content_type="zip")]}, "content_type is 'zip'"),
    "rows": ({"inputs": [GOOD, tensor("FP32", [2], [1, 2], "y")]}, "x 1, y 2"),
    "dimensions": ({"inputs": [GOOD, tensor("FP32", [1, 1, 1], [1], "y")]}, "3 dimensions"),
    "output": ({"inputs": [GOOD], "outputs": [{"name": "z"}]}, "no output z; there is output-0"),
    "parameters": ({"inputs": [GOOD], "parameters": []}, "parameters must be an object"),
    "size": ({"inputs": [GOOD | {"parameters": {"binary_data_size": 4}}]}, "0 bytes are left"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_read_is_refused_and_says_why(
    inside: Inside, model: Recording, what: str
) -> None:
    asked, words = REFUSED[what]
    status, answer = await inside.post(INFER, asked)
    assert status == 400
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(answer["error"])
    if what != "output":
        assert model.seen == []


async def test_others_models_paths_and_methods_are_refused_in_v2s_form(inside: Inside) -> None:
    asked = {"inputs": [GOOD]}
    assert await inside.post("/v2/models/nope/infer", asked) == (404, {"error": "Model nope not found"})
    missing = await inside.post("/v2/models/model/versions/9/infer", asked)
    assert missing == (404, {"error": "Model model with version 9 not found"})
    for method, path, status in (
        ("GET", INFER, 405),
        ("GET", "/v2/models/model/nope", 404),
        ("GET", "/v2/x", 404),
    ):
        found = await inside.call(method, path)
        assert (found[0], list(found[1])) == (status, ["error"])
    assert (await inside.call("GET", "/v2x"))[1]["status"]["reason"] == "MICROSERVICE_NOT_FOUND"


async def test_the_repository_is_told_as_it_is(inside: Inside) -> None:
    known = [{"name": "model", "version": "v1", "state": "READY", "reason": ""}]
    assert await inside.post("/v2/repository/index", {}) == (200, known)
    for verb in ("load", "unload"):
        status, answer = await inside.post(f"/v2/repository/models/model/{verb}", {})
        assert (status, "as long as this process runs" in answer["error"]) == (501, True)
    assert (await inside.post("/v2/repository/models/nope/load", {}))[0] == 404


async def test_bytes_that_lie_about_their_length_are_refused(inside: Inside) -> None:
    head = {"name": "x", "datatype": "BYTES", "shape": [1]}
    for raw, words in ((b"\5\0\0\0abc", "longer than its tensor"), (b"\1\0", "has no length")):
        with pytest.raises(InvalidMessageError, match=words):
            read_raw_tensor(head, raw)
    with pytest.raises(InvalidMessageError, match="no whole number"):
        read_raw_tensor(head | {"datatype": "FP32"}, b"abc")
    for length in ("x", "-1", "999"):
        status, answer = await inside.call("POST", INFER, b"{}", inference_header_content_length=length)
        assert (status, answer["error"].startswith("Inference-Header-Content-Length is")) == (400, True)
    status, answer = await inside.call(
        "POST", INFER, b'{"inputs":[]}xx', inference_header_content_length="13"
    )
    assert (status, "2 bytes behind the JSON" in answer["error"]) == (400, True)


async def test_text_that_is_no_text_says_how_to_send_bytes() -> None:
    inside = make_inside(Recording())
    text = json.dumps({"inputs": [
        {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}}
    ]})  # fmt: skip
    body = text.encode() + b"\1\0\0\0\xff"
    status, answer = await inside.call("POST", INFER, body, inference_header_content_length=str(len(text)))
    assert (status, "content_type to np" in answer["error"]) == (400, True)


class Broken:
    """Has wrong metadata, and a hook that fails."""

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        if X.size > 1:
            raise ValueError("boom")
        return None if X.size else X

    def init_metadata(self) -> Any:
        return {"nope": 1}


async def test_wrong_metadata_keep_nobody_from_asking_the_model() -> None:
    inside = make_inside(Broken())
    assert (await inside.call("GET", "/v2/models/model"))[0] == 500
    assert (await inside.post(INFER, {"inputs": [tensor("FP32", [0, 2], [])]}))[0] == 200


async def test_a_hook_that_fails_or_returns_nothing_is_an_error() -> None:
    inside = make_inside(Broken())
    assert await inside.post(INFER, {"inputs": [tensor("FP32", [2], [1, 2])]}) == (500, {"error": "boom"})
    status, answer = await inside.post(INFER, {"inputs": [GOOD]})
    assert (status, "NoneType, which has no tensor" in answer["error"]) == (500, True)


class Raw:
    """Wants whole messages."""

    def predict_raw(self, message: Any) -> Any:
        if "ndarray" in message["data"]:
            return {"status": {"code": 422, "info": "numbers only"}}
        return {"data": message["data"], "meta": {"tags": message["meta"]["tags"]}}


class Transformer:
    """Has no predict."""

    async def transform_input(self, X: Any, names: Any) -> Any:  # noqa: N803
        return X + 1


class Router:
    """Has nothing that v2 asks for."""

    def route(self, X: Any, names: Any) -> int:  # noqa: N803
        return 1


async def test_raw_hooks_transformers_and_routers_are_asked_for_what_they_have() -> None:
    status, answer = await make_inside(Raw()).post(INFER, {"parameters": {"p": 1}, "inputs": [GOOD]})
    assert (status, answer["outputs"][0]["data"], answer["parameters"]) == (200, [1.0], {"p": 1})
    refused = await make_inside(Raw()).post(INFER, {"inputs": [tensor("BYTES", [1], ["a"])]})
    assert refused == (422, {"error": "numbers only"})
    _, answer = await make_inside(Transformer()).post(INFER, {"inputs": [GOOD]})
    assert answer["outputs"][0]["data"] == [2.0]
    status, answer = await make_inside(Router()).post(INFER, {"inputs": [GOOD]})
    assert (status, "none of predict" in answer["error"]) == (400, True)


def test_a_json_tensor_may_be_nested_in_any_way() -> None:
    head = {"name": "x", "datatype": "BYTES", "shape": [2, 2]}
    found = read_json_tensor(head, [["a", "b"], ["c", "d"]])
    assert found.values.tolist() == [["a", "b"], ["c", "d"]]


def test_shape_too_large_to_count_is_refused_also_without_values() -> None:
    with pytest.raises(InvalidMessageError, match="x: array is too big"):
        read_raw_tensor({"name": "x", "datatype": "FP32", "shape": [0, 2**62]}, b"")
