"""Prediction strategies: Seldon's `predict_algs` documents and our simpler form, read and checked.

Seldon's form names the bean `externalPredictionServer` with the options `io.seldon.algorithm.external.url`
and `.name`; ours names a registered microservice: `{"algorithms": [{"microservice": "iris"}]}`.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from predictions.records import Algorithm, Strategy, Variation, problem_of_url
from stores.config.places import Place
from stores.config.records import Document

EXTERNAL_BEAN: Final = "externalPredictionServer"
URL_OPTION: Final = "io.seldon.algorithm.external.url"
NAME_OPTION: Final = "io.seldon.algorithm.external.name"
# Beans that Seldon Server has and this product does not call.
_OTHER_BEANS: Final = {
    "rpcPredictionServer": "it speaks gRPC, which predictions do not go out by; register a REST microservice",
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
    if bean != EXTERNAL_BEAN:
        place.at("name").refuse(f"{bean!r} is not a prediction algorithm; there is {EXTERNAL_BEAN}")
    return _external(place)


def _external(place: Place) -> Algorithm:
    options: dict[str, str] = {}
    for item in place.at("config").items():
        item.only("name", "value")
        name = item.at("name").text()
        if name not in (URL_OPTION, NAME_OPTION):
            item.at("name").refuse(f"{EXTERNAL_BEAN} has no option {name!r}")
        options[name] = item.at("value").text()
        if name == URL_OPTION and (problem := problem_of_url(options[name])):
            item.at("value").refuse(problem)
        # Clients write these documents; what this machine reaches through its files, operators register.
        if name == URL_OPTION and options[name].startswith("unix:"):
            item.at("value").refuse("a Unix socket is registered as a microservice, by an operator")
    for name in (URL_OPTION, NAME_OPTION):
        if name not in options:
            place.at("config").refuse(f"{EXTERNAL_BEAN} needs the option {name}")
    return Algorithm(options[NAME_OPTION], options[URL_OPTION])


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
