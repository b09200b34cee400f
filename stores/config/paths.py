"""The paths that configuration documents have, and what is known to live at each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from stores.config.errors import ConfigPathError

MAX_PATH_CHARACTERS: Final = 255

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,128}")
_OLDER_OFFLINE: Final = re.compile(r"/([^/]+)/offline/([^/]+)")

Form = Literal["object", "text", "switch", "json"]


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A path pattern, the form of its documents, and what they are for."""

    pattern: str
    form: Form
    purpose: str


_MODEL_TYPES: Final = (
    "mf", "mfclusters", "mostpopulardim", "topics", "assocrules", "userclusters", "tagaffinity",
    "tagcluster", "svtext", "svcluster", "word2vec", "vw", "user_dim_model",
)  # fmt: skip

_CLIENT: Final = "/all_clients/<client>"

KNOWN_PATHS: Final = (
    KnownPath("/config/dbcp", "object", "Database pools of Seldon Server; kept, not used"),
    KnownPath("/config/memcached", "object", "Memcached servers of Seldon Server; kept, not used"),
    KnownPath("/config/statsd", "object", "StatsD server, port, id and sample rate"),
    KnownPath("/config/airbrake", "object", "Airbrake key of Seldon Server; kept, not used"),
    KnownPath("/config/default_strategy", "object", "Recommendation strategy of clients that have none"),
    KnownPath(
        "/config/default_prediction_strategy", "object", "Prediction strategy of clients that have none"
    ),
    KnownPath("/config/schedules", "json", "When jobs of the whole installation run by themselves"),
    KnownPath("/config/prediction_server", "object", "Connection pool to prediction microservices"),
    KnownPath("/config/plugin_server", "object", "Connection pool to plug-in services"),
    KnownPath(_CLIENT, "object", "Database name of the client in Seldon Server; kept, not used"),
    KnownPath(f"{_CLIENT}/algs", "object", "Recommendation strategy"),
    KnownPath(f"{_CLIENT}/alg_rectags", "object", "Recommendation strategy per rectag"),
    KnownPath(f"{_CLIENT}/alg_test", "object", "Variations of the recommendation strategy"),
    KnownPath(f"{_CLIENT}/alg_test_switch", "switch", "Whether `alg_test` is in force"),
    KnownPath(
        f"{_CLIENT}/predict_algs", "object", "Prediction strategy: algorithms, or variations with ratios"
    ),
    KnownPath(f"{_CLIENT}/predict_log", "object", "Which predictions are recorded, and what is struck out"),
    KnownPath(
        f"{_CLIENT}/rpc",
        "object",
        "The client's own messages in Seldon Server's gRPC",
    ),
    KnownPath(f"{_CLIENT}/plugins", "object", "Plug-in services by name"),
    KnownPath(f"{_CLIENT}/recommendation_explanation", "object", "Texts that explain a recommendation"),
    KnownPath(f"{_CLIENT}/dimensions_mapping", "object", "Dimensions that stand for other dimensions"),
    KnownPath(f"{_CLIENT}/action_history", "object", "Where recent actions are kept, and how many"),
    KnownPath(f"{_CLIENT}/redis", "object", "Redis server of the action history"),
    KnownPath(f"{_CLIENT}/cluster_decay_rate", "json", "Half-life of cluster counts"),
    KnownPath(f"{_CLIENT}/attr", "json", "Attributes kept in memory"),
    KnownPath(f"{_CLIENT}/schedules", "json", "When jobs of the client run by themselves"),
    KnownPath(f"{_CLIENT}/offline/<model>", "object", "Settings of one offline job"),
    *(KnownPath(f"/config/{name}", "text", f"Clients that load `{name}`, by comma") for name in _MODEL_TYPES),
    *(KnownPath(f"{_CLIENT}/{name}", "text", f"Location of the `{name}` artifact") for name in _MODEL_TYPES),
    *(
        KnownPath(f"{_CLIENT}/{name}/<name>", "text", f"Location of a named `{name}`")
        for name in _MODEL_TYPES
    ),
)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A regular expression for `pattern`, in which `<word>` stands for one segment."""
    parts = re.split(r"<\w+>", pattern)
    return re.compile("([^/]+)".join(re.escape(part) for part in parts))


_FORMS: Final = {known.pattern: known.form for known in KNOWN_PATHS if "<" not in known.pattern}
_FORM_PATTERNS: Final = [
    (compile_pattern(known.pattern), known.form) for known in KNOWN_PATHS if "<" in known.pattern
]


def form_of(path: str) -> Form:
    """The form of the document at `path`; `json` (any value) where nothing is known of it."""
    if path in _FORMS:
        return _FORMS[path]
    for pattern, form in _FORM_PATTERNS:
        if pattern.fullmatch(path):
            return form
    return "json"


def canonical_path(path: str) -> str:
    """`path`, or for Seldon's older `/<client>/offline/<model>` the place where it lives now."""
    if path.startswith(("/all_clients/", "/config/")):
        return path
    older = _OLDER_OFFLINE.fullmatch(path)
    return f"/all_clients/{older[1]}/offline/{older[2]}" if older else path


def check_path(path: str) -> str:
    """The canonical form of `path`; ConfigPathError when no document can live there."""
    canonical = canonical_path(path)
    if not canonical.startswith(("/config/", "/all_clients/")):
        raise ConfigPathError(path, "it does not start with /config/ or /all_clients/")
    if len(canonical) > MAX_PATH_CHARACTERS:
        raise ConfigPathError(path, f"it has more than {MAX_PATH_CHARACTERS} characters")
    for segment in canonical.split("/")[1:]:
        if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
            raise ConfigPathError(path, f"the segment {segment!r} is not 1 to 128 of A-Z a-z 0-9 _ . @ : -")
    return canonical
