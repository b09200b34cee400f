"""Proxies ask servers of other makes in their own protocols, and hand over what these say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from microservice.component import Component
from microservice.errors import StartError, UpstreamError
from microservice.protocol.errors import InvalidMessageError
from microservice.units.proxies.hugging_face import HuggingFaceProxy
from microservice.units.proxies.inference import TritonProxy, read_tensor, write_tensor
from microservice.units.proxies.tensorflow_serving import TfServingProxy
from tests.microservice.shipped import parameters, serving
from tests.microservice.units.upstreams import Asked, answering

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]])


def ask_tensorflow(answer: Any, value: Any, **options: Any) -> tuple[Any, Asked]:
    with answering(lambda path, body: answer) as asked:
        proxy = TfServingProxy(rest_endpoint=f"http://{asked.address}", model_name="m", **options)
        Component(proxy)
        return proxy.predict(value, []), asked


def test_rows_are_instances_and_predictions_an_array() -> None:
    found, asked = ask_tensorflow({"predictions": [[0.5], [0.7]]}, ROWS, signature_name="s")
    assert found.tolist() == [[0.5], [0.7]]
    path, body, _ = asked.calls[0]
    assert path == "/v1/models/m:predict"
    assert body == {"signature_name": "s", "instances": ROWS.tolist()}


def test_named_input_and_output_are_used() -> None:
    both = {"outputs": {"a": [1, 2], "b": [3, 4]}}
    found, asked = ask_tensorflow(both, ROWS, model_input="x", model_output="b")
    assert (found.tolist(), asked.calls[0][1]) == ([3, 4], {"inputs": {"x": ROWS.tolist()}})
    assert ask_tensorflow(both, ROWS, model_input="x")[0] == both
    by_row = {"predictions": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}
    assert ask_tensorflow(by_row, ROWS, model_output="a")[0].tolist() == [1, 3]
    assert ask_tensorflow(by_row, ROWS)[0] == by_row
    with pytest.raises(InvalidMessageError, match=r"no output c .* it has a, b"):
        ask_tensorflow(by_row, ROWS, model_output="c")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"instances": [{"x": 1}]}, {"instances": [{"x": 1}]}),
        ("text", {"instances": ["text"]}),
        (b"ab", {"instances": [{"b64": "YWI="}]}),
        (np.array([["a"], ["b"]]), {"instances": [["a"], ["b"]]}),
    ],
)
def test_every_payload_has_its_form(value: Any, sent: Any) -> None:
    assert ask_tensorflow({"predictions": [1]}, value)[1].calls[0][1] == sent


def ask_triton(inputs: dict[str, str], value: Any, answer: Any, **options: Any) -> tuple[Any, Asked]:
    def answer_v2(path: str, body: Any) -> Any:
        tensors = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in inputs.items()]
        return answer if path.endswith("/infer") else {"name": "m", "inputs": tensors}

    with answering(answer_v2) as asked:
        proxy = TritonProxy(rest_endpoint=asked.address, model_name="m", **options)
        proxy.predict(value, [])
        return proxy.predict(value, []), asked


def output(name: str, *values: float) -> dict[str, Any]:
    return {"name": name, "datatype": "FP32", "shape": [len(values), 1], "data": list(values)}


def test_array_is_the_only_input_in_the_models_type_and_metadata_is_read_once() -> None:
    found, asked = ask_triton({"x": "FP32"}, ROWS, {"outputs": [output("y", 1, 2)]}, model_version="3")
    assert (found.tolist(), found.dtype) == ([[1], [2]], np.float32)
    paths = [path for path, *_ in asked.calls]
    assert paths == ["/v2/models/m/versions/3"] + ["/v2/models/m/versions/3/infer"] * 2
    assert asked.calls[1][1]["inputs"] == [
        {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}
    ]


@pytest.mark.parametrize(
    ("value", "options", "sent"),
    [
        (ROWS.astype(int), {}, {"name": "input-0", "datatype": "INT64", "shape": [2, 2]}),
        (ROWS, {"model_input": "x"}, {"name": "x", "datatype": "FP64", "shape": [2, 2]}),
        ({"b": [True]}, {}, {"name": "b", "datatype": "BOOL", "shape": [1]}),
        ("hello", {}, {"name": "input-0", "datatype": "BYTES", "shape": [1]}),
    ],
)
def test_model_that_describes_no_inputs_is_sent_what_there_is(value: Any, options: Any, sent: Any) -> None:
    answer = {"outputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [7]}]}
    _, asked = ask_triton({}, value, answer, **options)
    [tensor] = asked.calls[1][1]["inputs"]
    assert {field: tensor[field] for field in sent} == sent


def test_several_inputs_come_as_json_and_several_outputs_go_as_json() -> None:
    two = {"outputs": [output("y", 1), output("z", 2)]}
    kinds = {"a": "INT64", "b": "BYTES"}
    found, asked = ask_triton(kinds, {"a": [1.0, 2.0], "b": ["x", "y"]}, two)
    assert found == {"y": [[1]], "z": [[2]]}
    assert [tensor["data"] for tensor in asked.calls[1][1]["inputs"]] == [[1, 2], ["x", "y"]]
    assert ask_triton(kinds, {"a": [1]}, two, model_output="z")[0].tolist() == [[2]]
    with pytest.raises(InvalidMessageError, match="has no input c; it has a, b"):
        ask_triton(kinds, {"c": [1]}, two)
    with pytest.raises(InvalidMessageError, match="has the inputs a, b: name one by model_input"):
        ask_triton(kinds, ROWS, two)


@pytest.mark.parametrize("datatype", ["BOOL", "INT8", "UINT64", "FP16", "FP64"])
def test_tensors_of_every_type_come_back_as_they_went(datatype: str) -> None:
    tensor = write_tensor("x", datatype, [[0, 1], [1, 1]])
    assert read_tensor(tensor | {"data": tensor["data"].tolist()}).tolist() == [[0, 1], [1, 1]]


def test_what_is_no_tensor_is_told() -> None:
    with pytest.raises(InvalidMessageError, match="input x is FP32; 'text' is none"):
        ask_triton({"x": "FP32"}, "text", {})
    with pytest.raises(UpstreamError, match="answered no tensors"):
        ask_triton({"x": "FP32"}, ROWS, {"outputs": [{"name": "y"}]})


def ask_hugging_face(answer: Any, value: Any, **options: Any) -> tuple[Any, Asked]:
    with answering(lambda path, body: answer) as asked:
        proxy = HuggingFaceProxy(rest_endpoint=asked.address, **options)
        return proxy.predict(value, []), asked


def test_texts_are_inputs_with_parameters_and_a_token() -> None:
    answer = [{"label": "POSITIVE", "score": 0.9}]
    options: dict[str, Any] = {"path": "generate", "parameters": '{"top_k": 1}', "token": "secret"}
    found, asked = ask_hugging_face(answer, np.array([["good"], ["bad"]]), **options)
    assert found == {"outputs": answer}
    path, body, headers = asked.calls[0]
    assert (path, body) == ("/generate", {"inputs": ["good", "bad"], "parameters": {"top_k": 1}})
    assert headers["Authorization"] == "Bearer secret"


def test_embeddings_are_an_array_and_objects_stay_objects() -> None:
    assert ask_hugging_face([[0.1, 0.2], [0.3, 0.4]], np.array(["a", "b"]))[0].shape == (2, 2)
    assert ask_hugging_face([[{"label": "x"}]], "a")[0] == {"outputs": [[{"label": "x"}]]}
    found, asked = ask_hugging_face({"generated_text": "b"}, {"inputs": "a", "stream": False})
    assert (found, asked.calls[0][1]) == ({"generated_text": "b"}, {"inputs": "a", "stream": False})
    with pytest.raises(InvalidMessageError, match="one text per row"):
        ask_hugging_face({}, ROWS)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (TfServingProxy, {"grpc_endpoint": "h:2000", "model_name": "m"}, "speaks no gRPC"),
        (TfServingProxy, {"rest_endpoint": "h:1"}, "model_name is needed"),
        (TritonProxy, {"rest_endpoint": "h:1"}, "model_name is needed"),
        (
            TritonProxy,
            {"model_uri": "s3://b/m"},
            "start a server of Triton with the model s3://b/m beside it",
        ),
        (HuggingFaceProxy, {}, "rest_endpoint is needed"),
        (
            HuggingFaceProxy,
            {"rest_endpoint": "h:1", "parameters": "["},
            "the parameter parameters is not JSON",
        ),
    ],
)
def test_what_is_missing_keeps_a_proxy_from_starting(kind: Any, options: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        kind(**options)


@pytest.mark.slow
def test_a_real_server_of_the_v2_protocol_answers_through_a_proxy(tmp_path: Path) -> None:
    rows, truth = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(rows, truth)
    joblib.dump(model, tmp_path / "model.joblib")
    tensors = {"inputs": ("x", 4), "outputs": ("y", 3)}
    metadata = "".join(
        f"{side}: [{{name: {name}, datatype: FP64, shape: [-1, {count}]}}]\n"
        for side, (name, count) in tensors.items()
    )
    (tmp_path / "metadata.yaml").write_text(metadata)
    given = parameters(model_uri=str(tmp_path))
    with serving(tmp_path, "SKLEARN_SERVER", "--model-name", "iris", "--parameters", given) as behind:
        words = parameters(rest_endpoint=f"127.0.0.1:{behind.port}", model_name="iris")
        with serving(tmp_path, "TRITON_SERVER", "--parameters", words) as proxy:
            status, answer = proxy.post("/predict", {"data": {"ndarray": rows[:3].tolist()}})
            assert status == 200
            assert np.allclose(answer["data"]["ndarray"], model.predict_proba(rows[:3]))
            status, answer = proxy.post("/predict", {"data": {"ndarray": [[1.0, 2.0]]}})
            assert (status, answer["status"]["reason"]) == (502, "MICROSERVICE_UPSTREAM")
            assert "answered 400" in answer["status"]["info"]
