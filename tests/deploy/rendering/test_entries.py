"""What lets requests in: Istio, Ambassador, Ingress, Gateway API; weights, shadows, the gateway instead."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from deploy.manifests import manifest_from
from deploy.rendering import INGRESSES, NotRenderableError, Options, render_manifest
from deploy.rendering.options import Ingress
from tests.deploy.manifests.making import document, predictor

CANARY = (predictor("a", traffic=80), predictor("b", traffic=20))
SHADOW = (predictor("a", traffic=100), predictor("b", shadow=True, traffic=30))


def render(
    ingress: Ingress, *predictors: dict[str, Any], engine: str = "orchestrator", **spec: Any
) -> list[dict[str, Any]]:
    options = Options(engine=engine, ingress=ingress)  # type: ignore[arg-type]
    return render_manifest(manifest_from(document(*predictors, **spec)), options)


def of_kind(made: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in made if each["kind"] == kind]


def mappings(made: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ambassador 1's documents by name, from the annotations of Services."""
    texts = [
        each["metadata"].get("annotations", {}).get("getambassador.io/config", "")
        for each in of_kind(made, "Service")
    ]
    return {each["name"]: each for text in texts for each in yaml.safe_load_all(text) if each}


# -- Istio -----------------------------------------------------------------------------------------


def test_istio_splits_by_weight_over_rest_and_grpc() -> None:
    made = render("istio", *CANARY)
    [service] = of_kind(made, "VirtualService")
    rest, grpc = service["spec"]["http"]
    assert rest["match"] == [{"uri": {"prefix": "/seldon/default/iris/"}}]
    assert rest["rewrite"] == {"uri": "/"}
    for rule, port in ((rest, 8000), (grpc, 5001)):
        assert [(each["destination"]["subset"], each["weight"]) for each in rule["route"]] == [
            ("a", 80),
            ("b", 20),
        ]
        assert {each["destination"]["port"]["number"] for each in rule["route"]} == {port}
    assert grpc["match"][0]["headers"] == {"seldon": {"exact": "iris"}, "namespace": {"exact": "default"}}
    assert [each["metadata"]["name"] for each in of_kind(made, "DestinationRule")] == ["iris-a", "iris-b"]


@pytest.mark.parametrize("traffic", [0, 100])
def test_lone_predictor_gets_everything_whatever_it_says(traffic: int) -> None:
    [service] = of_kind(render("istio", predictor(traffic=traffic)), "VirtualService")
    assert [each["weight"] for each in service["spec"]["http"][0]["route"]] == [100]


def test_istio_copies_to_a_shadow_in_its_percentage() -> None:
    [service] = of_kind(render("istio", *SHADOW), "VirtualService")
    for rule in service["spec"]["http"]:
        assert [each["weight"] for each in rule["route"]] == [100]
        assert (rule["mirror"]["subset"], rule["mirrorPercentage"]) == ("b", {"value": 30})


def test_istio_follows_annotations() -> None:
    annotations = {
        "seldon.io/istio-host": "a.example.org, b.example.org",
        "seldon.io/istio-gateway": "ns/mine",
        "seldon.io/istio-retries": "3",
        "seldon.io/istio-retries-timeout": "2",
    }
    [service] = of_kind(render("istio", predictor(), annotations=annotations), "VirtualService")
    assert service["spec"]["hosts"] == ["a.example.org", "b.example.org"]
    assert service["spec"]["gateways"] == ["ns/mine"]
    assert service["spec"]["http"][0]["retries"]["attempts"] == 3
    assert service["spec"]["http"][0]["retries"]["perTryTimeout"] == "2s"


def test_explainer_has_a_virtual_service_of_its_own() -> None:
    made = render("istio", predictor(explainer={"type": "ALE"}))
    explainer = of_kind(made, "VirtualService")[1]
    assert explainer["metadata"]["name"] == "iris-main-explainer-http"
    assert explainer["spec"]["http"][0]["match"] == [
        {"uri": {"prefix": "/seldon/default/iris-explainer/main/"}}
    ]


# -- Ambassador ------------------------------------------------------------------------------------


def test_ambassador_weighs_all_but_the_first() -> None:
    made = mappings(render("ambassador", *CANARY))
    assert list(made) == [
        "seldon_default_iris_a_rest_mapping",
        "seldon_default_iris_a_grpc_mapping",
        "seldon_default_iris_b_rest_mapping",
        "seldon_default_iris_b_grpc_mapping",
    ]
    assert [each.get("weight") for each in made.values()] == [None, None, 20, 20]
    rest = made["seldon_default_iris_a_rest_mapping"]
    assert (rest["prefix"], rest["service"], rest["timeout_ms"]) == (
        "/seldon/default/iris/",
        "iris-a.default:8000",
        3000,
    )
    grpc = made["seldon_default_iris_b_grpc_mapping"]
    assert (grpc["grpc"], grpc["prefix_regex"], grpc["headers"]) == (
        True,
        True,
        {"seldon": "iris", "namespace": "default"},
    )


def test_predictor_of_weight_zero_gets_no_mapping_since_ambassador_would_give_it_a_share() -> None:
    made = mappings(render("ambassador", predictor("a", traffic=100), predictor("b", traffic=0)))
    assert {name.split("_")[3] for name in made} == {"a"}


def test_ambassador_follows_annotations() -> None:
    annotations = {
        "seldon.io/rest-timeout": "400000",
        "seldon.io/grpc-timeout": "5000",
        "seldon.io/ambassador-header": "region:north",
        "seldon.io/ambassador-regex-header": "user:a.*",
        "seldon.io/ambassador-id": "blue",
        "seldon.io/ambassador-retries": "2",
        "seldon.io/ambassador-service-name": "public",
        "seldon.io/ambassador-circuit-breakers-max-requests": "9",
    }
    rest, grpc = mappings(render("ambassador", predictor(), annotations=annotations)).values()
    assert (rest["timeout_ms"], rest["idle_timeout_ms"], grpc["timeout_ms"]) == (400_000, 400_000, 5000)
    assert (rest["prefix"], grpc["headers"]["seldon"]) == ("/seldon/default/public/", "public")
    for each in (rest, grpc):
        assert each["headers"]["region"] == "north"
        assert each["regex_headers"] == {"user": "a.*"}
        assert each["ambassador_id"] == ["blue"]
        assert each["retry_policy"] == {"retry_on": "gateway-error", "num_retries": 2}
        assert each["circuit_breakers"] == [{"max_requests": 9}]


def test_ambassadors_text_can_be_given_whole() -> None:
    made = render("ambassador", predictor(), annotations={"seldon.io/ambassador-config": "name: mine"})
    assert list(mappings(made)) == ["mine"]


def test_certificates_give_ambassador_a_context() -> None:
    made = mappings(render("ambassador", predictor(ssl={"certSecretName": "tls"})))
    assert made["seldon_default_iris_main_tls_config"]["secret"] == "tls"
    assert made["seldon_default_iris_main_rest_mapping"]["tls"] == "seldon_default_iris_main_tls_config"


def test_ambassador_2_has_objects_with_dashes() -> None:
    made = of_kind(render("ambassador-v2", *SHADOW), "Mapping")
    assert [each["metadata"]["name"] for each in made] == [
        "seldon-default-iris-a-rest", "seldon-default-iris-a-grpc",
        "seldon-default-iris-b-rest", "seldon-default-iris-b-grpc",
    ]  # fmt: skip
    assert [each["spec"].get("shadow") for each in made] == [None, None, True, True]
    assert {each["spec"]["cluster_tag"] for each in made} == {"seldon_http", "seldon_grpc"}


# -- Ingress and Gateway API -----------------------------------------------------------------------


def test_ingress_has_a_second_one_for_the_canary() -> None:
    stable, canary = of_kind(render("ingress", *CANARY), "Ingress")
    prefix = "nginx.ingress.kubernetes.io"
    assert stable["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/seldon/default/iris(/|$)(.*)"
    assert stable["metadata"]["annotations"][f"{prefix}/rewrite-target"] == "/$2"
    assert canary["metadata"]["annotations"][f"{prefix}/canary-weight"] == "20"


@pytest.mark.parametrize(
    ("predictors", "reason"),
    [(SHADOW, "no shadows"), ((*CANARY, predictor("c", traffic=1)), "no traffic between more than two")],
)
def test_ingress_that_cannot_do_it_is_refused(predictors: tuple[dict[str, Any], ...], reason: str) -> None:
    with pytest.raises(NotRenderableError, match=reason):
        render("ingress", *predictors)


def test_gateway_api_splits_and_mirrors() -> None:
    [http] = of_kind(render("gateway-api", *CANARY), "HTTPRoute")
    assert [each["weight"] for each in http["spec"]["rules"][0]["backendRefs"]] == [80, 20]
    [grpc] = of_kind(render("gateway-api", *SHADOW), "GRPCRoute")
    [rule] = grpc["spec"]["rules"]
    assert rule["filters"][0]["requestMirror"] == {
        "backendRef": {"name": "iris-b", "port": 5001},
        "percent": 30,
    }
    assert [each["name"] for each in rule["backendRefs"]] == ["iris-a"]


# -- the gateway as engine -------------------------------------------------------------------------


def test_behind_the_gateway_the_path_is_kept_and_the_gateway_splits() -> None:
    made = render("istio", *CANARY, engine="gateway")
    [service] = of_kind(made, "VirtualService")
    [rest, _] = service["spec"]["http"]
    assert "rewrite" not in rest
    assert rest["route"] == [
        {
            "destination": {"host": "seldon-api.seldon-system.svc.cluster.local", "port": {"number": 8000}},
            "weight": 100,
        }
    ]
    assert of_kind(made, "DestinationRule") == []


def test_ingress_reaches_the_gateway_of_another_namespace_by_an_external_name() -> None:
    made = render("ingress", *SHADOW, engine="gateway")
    [service] = [each for each in of_kind(made, "Service") if each["spec"]["type"] == "ExternalName"]
    assert service["spec"]["externalName"] == "seldon-api.seldon-system.svc.cluster.local"
    [ingress] = of_kind(made, "Ingress")
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/seldon/default/iris/", "iris-gateway")


def test_gateway_api_is_granted_the_gateway_of_another_namespace() -> None:
    made = render("gateway-api", *CANARY, engine="gateway")
    [grant] = of_kind(made, "ReferenceGrant")
    assert grant["metadata"]["namespace"] == "seldon-system"
    assert {each["namespace"] for each in grant["spec"]["from"]} == {"default"}


def test_ambassador_1_has_nothing_to_read_behind_the_gateway() -> None:
    with pytest.raises(NotRenderableError, match="use ambassador-v2"):
        render("ambassador", predictor(), engine="gateway")


@pytest.mark.parametrize("ingress", INGRESSES)
def test_container_without_engine_is_reached_itself(ingress: Ingress) -> None:
    bare = predictor(annotations={"seldon.io/no-engine": "true"})
    for engine in ("gateway", "orchestrator"):
        made = render(ingress, bare, engine=engine)
        assert "Service/iris-main" in {f"{each['kind']}/{each['metadata']['name']}" for each in made}
        assert "seldon-api" not in str(made)
