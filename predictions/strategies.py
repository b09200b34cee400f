"""Prediction strategies: Seldon's `predict_algs` documents and our simpler form, read and checked.

Seldon's form names the bean `externalPredictionServer` with the options `io.seldon.algorithm.external.url`
and `.name`, or `rpcPredictionServer` with `io.seldon.rpc.microservice.host` and `.port`; ours names a
registered microservice: `{"algorithms": [{"microservice": "iris"}]}`.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from predictions.records import GRPC_SCHEMES, Algorithm, Strategy, Variation, problem_of_url
from stores.config.places import Place
from stores.config.records import Document

EXTERNAL_BEAN: Final = "externalPredictionServer"
URL_OPTION: Final = "io.seldon.algorithm.external.url"
NAME_OPTION: Final = "io.seldon.algorithm.external.name"
RPC_BEAN: Final = "rpcPredictionServer"
HOST_OPTION: Final = "io.seldon.rpc.microservice.host"
PORT_OPTION: Final = "io.seldon.rpc.microservice.port"
_REQUIRED: Final = {EXTERNAL_BEAN: (URL_OPTION, NAME_OPTION), RPC_BEAN: (HOST_OPTION, PORT_OPTION)}
# Beans that Seldon Server has and this product does not call.
_OTHER_BEANS: Final = {
    "vwClassifier": "it ran inside Seldon Server; serve the model as a microservice",
}
# Parts of Seldon's documents that its own prediction service reads and never uses.
_UNUSED: Final = ("transformers", "includers", "filters", "combiner", "diversityLevel", "actionWeights")
_COMMON: Final = ("default_output", "deadline_seconds")
_ANSWER_KINDS: Final = ("predictions", "data", "jsonData", "strData", "binData")
_LABEL_LENGTH: Final = 64


def compile_document(document: Document) -> Strategy:
    """The strategy that `document` describes; ConfigInvalidError with place and reason otherwise."""
    return parse_strategy(document.path, document.value)


def parse_strategy(path: str, value: Any) -> Strategy:
    """The strategy that `value` describes; ConfigInvalidError with place and reason otherwise."""
    root = Place(path, value)
    fields = root.object()
    if "variations" not in fields:
        variation = Variation("default", 1.0, _algorithms(root), _default_output(root))
        return Strategy((variation,), deadline_seconds=_deadline(root))
    root.only("variations", *_COMMON)
    parsed = [_variation(place, _default_output(root)) for place in root.at("variations").items()]
    shown = tuple(each for each in parsed if not each.is_shadow)
    _check_labels(root, parsed)
    if not sum(each.ratio for each in shown) > 0:
        root.at("variations").refuse("no variation that is not a shadow has a ratio above zero")
    shadows = tuple(each for each in parsed if each.is_shadow)
    return Strategy(shown, shadows, _deadline(root), is_split=True)


def _check_labels(root: Place, variations: list[Variation]) -> None:
    seen: set[str] = set()
    for index, variation in enumerate(variations):
        if variation.label in seen:
            root.at("variations").at(index).at("label").refuse(
                f"{variation.label!r} is another variation's label"
            )
        seen.add(variation.label)


def _variation(place: Place, default_output: dict[str, Any] | None) -> Variation:
    place.only("label", "ratio", "config", "shadow")
    label = place.at("label").text()
    if len(label) > _LABEL_LENGTH:
        place.at("label").refuse(f"a label has at most {_LABEL_LENGTH} characters")
    is_shadow = place.has("shadow") and place.at("shadow").truth()
    ratio = _ratio(place, is_shadow)
    config = place.at("config")
    own_default = _default_output(config)
    return Variation(label, ratio, _algorithms(config), own_default or default_output, is_shadow)


def _ratio(place: Place, is_shadow: bool) -> float:
    """Seldon writes ratios as numbers or as texts of numbers."""
    if is_shadow and not place.has("ratio"):
        return 1.0
    here = place.at("ratio")
    ratio = here.number_or_text()
    if not isfinite(ratio) or ratio < 0:
        here.refuse("a ratio is a finite number of zero or more")
    if is_shadow and ratio > 1:
        here.refuse("a shadow's ratio is the share of the traffic that it sees, 0 to 1")
    return ratio


def _algorithms(place: Place) -> tuple[Algorithm, ...]:
    if place.has("microservice"):
        place.only("microservice", *_COMMON, *_UNUSED)
        return (Algorithm(place.at("microservice").text()),)
    place.only("algorithms", *_COMMON, *_UNUSED)
    items = place.at("algorithms").items()
    return tuple(_algorithm(item) for item in items)


def _algorithm(place: Place) -> Algorithm:
    if place.has("microservice"):
        place.only("microservice")
        return Algorithm(place.at("microservice").text())
    place.only("name", "config", "includers", "filters")
    bean = place.at("name").text()
    if bean in _OTHER_BEANS:
        place.at("name").refuse(_OTHER_BEANS[bean])
    if bean not in _REQUIRED:
        known = " and ".join(_REQUIRED)
        place.at("name").refuse(f"{bean!r} is not a prediction algorithm; there are {known}")
    options = _options(place.at("config"), bean)
    return _external(options) if bean == EXTERNAL_BEAN else _rpc(options)


def _options(config: Place, bean: str) -> dict[str, Place]:
    """The values of the options of a bean, which must have those it needs."""
    required = _REQUIRED[bean]
    found: dict[str, Place] = {}
    for item in config.items():
        item.only("name", "value")
        name = item.at("name").text()
        if name not in (*required, NAME_OPTION):
            item.at("name").refuse(f"{bean} has no option {name!r}")
        found[name] = item.at("value")
    for name in required:
        if name not in found:
            config.refuse(f"{bean} needs the option {name}")
    return found


def _external(options: dict[str, Place]) -> Algorithm:
    here = options[URL_OPTION]
    url = here.text()
    if problem := problem_of_url(url):
        here.refuse(problem)
    # Clients write these documents; what this machine reaches through its files, operators register.
    if url.startswith("unix:"):
        here.refuse("a Unix socket is registered as a microservice, by an operator")
    if url.startswith(GRPC_SCHEMES):
        here.refuse(f"{EXTERNAL_BEAN} speaks HTTP; {RPC_BEAN} speaks gRPC, with host and port")
    return Algorithm(options[NAME_OPTION].text(), url)


def _rpc(options: dict[str, Place]) -> Algorithm:
    host, here = options[HOST_OPTION].text(), options[PORT_OPTION]
    port = here.number_or_text()
    if not port.is_integer() or not 0 < port < 65_536:
        here.refuse("a port is a whole number of 1 to 65535")
    url = f"grpc://{f'[{host}]' if ':' in host else host}:{port:.0f}"
    if "/" in host or problem_of_url(url):
        options[HOST_OPTION].refuse("this must be the name or the address of a host")
    name = options[NAME_OPTION].text() if NAME_OPTION in options else host
    return Algorithm(name, url)


def _default_output(place: Place) -> dict[str, Any] | None:
    if not place.has("default_output"):
        return None
    here = place.at("default_output")
    value = here.object()
    if not any(kind in value for kind in _ANSWER_KINDS):
        here.refuse(f"it holds none of {', '.join(_ANSWER_KINDS)}")
    if "predictions" in value:
        for entry in here.at("predictions").items():
            entry.object()
    return value


def _deadline(place: Place) -> float:
    if not place.has("deadline_seconds"):
        return 0.0
    here = place.at("deadline_seconds")
    seconds = here.number()
    if not 0 < seconds <= 600:
        here.refuse("a deadline is above 0 and at most 600 seconds")
    return seconds
