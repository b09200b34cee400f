"""SeldonClient and the testers: what they send to gateways and components, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from google.protobuf import any_pb2
from google.protobuf.wrappers_pb2 import StringValue

from microservice.client.contract import read_contract
from microservice.client.seldon_client import SeldonClient
from microservice.client.testers import test_api as api_tester
from microservice.client.testers import test_microservice as microservice_tester
from microservice.client.told import SeldonCallCredentials, SeldonClientException
from microservice.protocol import prediction_pb2
from tests.microservice.conftest import Gateway
from tests.microservice.running import end, read_line, start, write_class

messages: Any = prediction_pb2
ECHO = """
    import numpy as np

    class Echo:
        def predict(self, X, names, meta=None):
            if isinstance(X, str) and X == "boom":
                raise ValueError("boom")
            return X
        transform_input = transform_output = predict
        def route(self, X, names):
            return 1
        def aggregate(self, Xs, names):
            return np.mean(Xs, axis=0)
        def send_feedback(self, X, names, reward, truth, routing=None):
            return [[reward]]
"""
CONTRACT = {
    "features": [
        {"name": "a", "dtype": "FLOAT", "ftype": "continuous", "range": [1, 2], "repeat": 2},
        {"name": "b", "dtype": "INT", "range": [5, "inf"]},
        {"name": "c", "ftype": "categorical", "values": [7, 8]},
    ],
    "targets": [{"name": "y", "range": [0, 1]}],
}


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a running component answers, by transport."""
    folder = tmp_path_factory.mktemp("client")
    write_class(folder, "Echo", ECHO)
    process = start(folder, "Echo", "--port", "0", "--grpc-port", "0")
    try:
        line = read_line(process)
        yield {"rest": line.split("http://")[1].split()[0], "grpc": line.split("gRPC at ")[1].strip()}
    finally:
        end(process)


PAYLOADS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"data": np.array([[1.0, 2.0]]), "names": ["a", "b"]},
     {"data": {"names": ["a", "b"], "tensor": {"shape": [1, 2], "values": [1.0, 2.0]}}}),
    ({"data": np.array([[1.0]]), "payload_type": "ndarray"}, {"data": {"names": [], "ndarray": [[1.0]]}}),
    ({"str_data": "x"}, {"strData": "x"}),
    ({"bin_data": b"\0\1"}, {"binData": "AAE="}),
    ({"json_data": {"a": [1.5]}}, {"jsonData": {"a": [1.5]}}),
]  # fmt: skip


@pytest.mark.parametrize(("told", "sent"), PAYLOADS)
def test_every_payload_is_sent_to_a_deployment(gateway: Gateway, told: Any, sent: Any) -> None:
    client = SeldonClient(deployment_name="d", namespace="n", gateway_endpoint=gateway.rest)
    answer = client.predict(**told)
    assert answer.success
    assert gateway.seen[0][::2] == ("/seldon/n/d/api/v1.0/predictions", {"meta": {}, **sent})
    assert answer.response == answer.request == gateway.seen[0][2]


def test_paths_tokens_and_headers_are_the_gateways(gateway: Gateway) -> None:
    client = SeldonClient(deployment_name="d", gateway_endpoint=gateway.rest, ssl=False)
    client.predict(str_data="x", call_credentials=SeldonCallCredentials("T"), headers={"X-Own": "1"})
    client.predict(gateway="seldon", str_data="x", meta={"tags": {"a": 1}})
    client.predict(str_data="x", gateway_prefix="/p", http_path="/q")
    client.explain(str_data="x", predictor="main", namespace="n")
    client.feedback(raw_request={"reward": 1})
    paths = [path for path, _, _ in gateway.seen]
    assert paths == [
        "/seldon/d/api/v1.0/predictions", "/api/v1.0/predictions", "/p/q",
        "/seldon/n/d-explainer/main/api/v1.0/explain", "/seldon/d/api/v1.0/feedback",
    ]  # fmt: skip
    assert (gateway.seen[0][1]["X-Auth-Token"], gateway.seen[0][1]["X-Own"]) == ("T", "1")
    assert gateway.seen[1][2]["meta"] == {"tags": {"a": 1}}
    assert gateway.seen[4][2] == {"reward": 1}


def test_a_deployment_is_named_in_the_metadata_of_grpc(gateway: Gateway) -> None:
    client = SeldonClient(transport="grpc", deployment_name="d", namespace="n", gateway_endpoint=gateway.grpc)
    answer = client.predict(data=np.array([[1.0]]), call_credentials=SeldonCallCredentials("T"), ssl=False)
    assert answer.response["data"]["tensor"]["values"] == [1.0]
    _, metadata, _ = gateway.seen[0]
    assert (metadata["seldon"], metadata["namespace"], metadata["x-auth-token"]) == ("d", "n", "T")


def test_feedback_carries_request_answer_truth_and_reward(gateway: Gateway) -> None:
    for transport, endpoint in (("rest", gateway.rest), ("grpc", gateway.grpc)):
        client = SeldonClient(
            transport=transport, deployment_name="d", gateway_endpoint=endpoint, client_return_type="proto"
        )
        asked = client.predict(data=np.array([[1.0]]))
        assert client.feedback(
            asked.request, asked.response, messages.SeldonMessage(strData="t"), 0.5
        ).success
        sent = gateway.seen[-1][2]
        shown = sent if transport == "grpc" else prediction_pb2_parse(sent)
        assert shown.response == asked.response
        assert (shown.reward, shown.truth.strData) == (0.5, "t")


def prediction_pb2_parse(content: Any) -> Any:
    from google.protobuf.json_format import ParseDict  # noqa: PLC0415

    return ParseDict(content, messages.Feedback())


def test_a_failure_says_status_and_reason_and_keeps_the_answer(gateway: Gateway) -> None:
    gateway.status = 500
    client = SeldonClient(deployment_name="d", gateway_endpoint=gateway.rest)
    answer = client.predict(str_data="x")
    assert (answer.success, answer.msg) == (False, "500:Internal Server Error")
    assert answer.response == {"status": {"info": "no"}}
    nobody = client.predict(str_data="x", gateway_endpoint="127.0.0.1:1")
    assert (nobody.success, nobody.response, "refused" in nobody.msg) == (False, None, True)
    assert "UNAVAILABLE" in client.predict(transport="grpc", str_data="x", gateway_endpoint="127.0.0.1:1").msg


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"transport": "soap"}, "transport is 'soap', not one of rest, grpc"),
        ({"nope": 1}, "nope is no parameter"),
        ({}, "deployment_name is needed"),
    ],
)
def test_what_the_client_cannot_do_is_said(told: Any, said: str) -> None:
    with pytest.raises(SeldonClientException, match=said):
        SeldonClient().predict(str_data="x", **told)


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_component_answers_every_method_and_payload(component: dict[str, str], transport: str) -> None:
    client = SeldonClient(transport=transport, microservice_endpoint=component[transport])
    data = np.array([[1.0, 2.0]])
    for method in ("predict", "transform-input", "transform-output"):
        answer = client.microservice(method=method, data=data)
        assert list(answer.response.data.tensor.values) == [1.0, 2.0]
    assert list(client.microservice(method="route", data=data).response.data.tensor.values) == [1.0]
    mean = client.microservice(method="aggregate", datas=[data, data + 2]).response
    assert list(mean.data.tensor.values) == [2.0, 3.0]
    assert client.microservice(str_data="é").response.strData == "é"
    assert client.microservice(bin_data=b"\0").response.binData == b"\0"
    assert (
        client.microservice(json_data={"a": 1}).response.jsonData.struct_value.fields["a"].number_value == 1
    )
    assert client.microservice(ndatas=2, method="aggregate").success
    asked = client.microservice(data=data)
    fed = client.microservice_feedback(asked.request, asked.response, reward=0.5)
    assert list(fed.response.data.tensor.values) == [0.5]
    failed = client.microservice(str_data="boom")
    assert (failed.success, "boom" in str(failed.response) or "boom" in failed.msg) == (False, True)


@pytest.mark.slow
def test_custom_data_go_over_grpc(component: dict[str, str]) -> None:
    packed = any_pb2.Any()
    packed.Pack(StringValue(value="x"))
    client = SeldonClient(transport="grpc", microservice_endpoint=component["grpc"])
    assert client.microservice(custom_data=packed).response.customData == packed


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(CONTRACT))
    return file


def test_batches_look_as_the_contract_says(contract: Path) -> None:
    data, names = read_contract(contract).batch(50, np.random.default_rng(1))
    assert names == ["a:0", "a:1", "b", "c"]
    assert data.shape == (50, 4)
    assert ((data[:, :2] >= 1) & (data[:, :2] <= 2)).all()
    assert (data[:, 2] >= 5).all()
    assert (data[:, 2] == np.floor(data[:, 2])).all()
    assert set(data[:, 3]) == {7.0, 8.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("{}", "a list `features`"),
        ('{"features":[{}]}', r"features\[0\] needs a name"),
        ('{"features":[{"name":"a","dtype":"X"}]}', "dtype of FLOAT, INT"),
        ('{"features":[{"name":"a","ftype":"categorical"}]}', "needs values"),
        ('{"features":[{"name":"a","range":[2,1]}]}', "begins above its end"),
        ('{"features":[{"name":"a","repeat":0}]}', "whole numbers above 0"),
    ],
)
def test_a_wrong_contract_is_told_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(SeldonClientException, match=said):
        read_contract(tmp_path / "c.json")


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--grpc",), ("--tensor",), ("--grpc", "--tensor")])
@pytest.mark.parametrize("endpoint", ["predict", "send-feedback", "transform-input"])
def test_the_tester_of_components_is_answered(
    component: dict[str, str], contract: Path, endpoint: str, more: tuple[str, ...]
) -> None:
    host, port = component["grpc" if "--grpc" in more else "rest"].split(":")
    words = [str(contract), host, port, "-p", "-n", "2", "-b", "3", "--endpoint", endpoint, *more]
    done = CliRunner().invoke(microservice_tester, words)
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "2 of 2 requests were answered")
    assert done.output.count("Success:True") == 2


def test_the_tester_of_deployments_asks_by_the_gateway(gateway: Gateway, contract: Path) -> None:
    host, port = gateway.rest.split(":")
    words = [str(contract), host, port, "d", "--namespace", "n", "--endpoint", "send-feedback"]
    assert CliRunner().invoke(api_tester, words).exit_code == 0
    assert [path for path, _, _ in gateway.seen] == [
        "/seldon/n/d/api/v1.0/predictions", "/seldon/n/d/api/v1.0/feedback"
    ]  # fmt: skip
    gateway.status = 503
    failed = CliRunner().invoke(api_tester, words)
    assert failed.exit_code == 1
    assert "503:Service Unavailable" in failed.output
