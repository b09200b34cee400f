"""What must never be, looked for in the source itself."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from tests.architecture.source import SourceFile, dotted, source_files

# Where anything may be caught, since a fault must not end what goes on there. Each logs or answers.
DOORS = {
    "cli/main.py": "the command line: a sentence and an exit code instead of a traceback",
    "cli/doctor.py": "whatever keeps the settings from being loaded is what is looked for; it is a finding",
    "common/diagnosis.py": "one probe's fault is a finding itself and must not keep the others from theirs",
    "cli/demo.py": "the tour's thread: a sentence, and the machine is stopped with exit code 1",
    "microservice/finding.py": "a model author's code may raise anything; it is told as their mistake",
    "microservice/batching.py": "what a model raises for a batch is handed to the callers who wait for it",
    "microservice/grpc_server.py": "a model author's call may raise anything; it is answered and logged",
    "microservice/tracing.py": "a call's span is marked with whatever it raised, which is then raised on",
    "microservice/rest.py": "a model author's call may raise anything; it is answered and logged as such",
    "predictions/grpc_calls.py": "the gRPC door: an answer with the request id instead of a fault's own text",
    "deploy/runtimes/local/reconciler.py": "one deployment's fault is its status, and must stop no other",
    "lane/app.py": "the lane: an answer with the request id instead of a cut connection",
    "seldon_api/sharing_redis.py": "the thread must outlive a fault, or machines share nothing any more",
    "offline/execution/ends.py": "a job may raise anything; that is how its run ended",
    "offline/worker.py": "the threads of background runs must outlive a fault; it is logged",
    "deploy/operator.py": "its threads must outlive a fault; it is logged and tried again",
    "stores/changes/hub.py": "one subscriber's fault must not keep a change from the others",
    "stores/config/zookeeper_follower.py": "the thread must outlive a fault, as the watcher's must",
    "stores/changes/watcher.py": "the thread must outlive a fault, or the process hears of no change again",
}

ENVIRONMENT = {
    "seldon_api/env.py", "microservice/main.py", "pipelines/places.py",
    "microservice/shim/seldon_core/env_utils.py",  # whose functions say what is in it
}  # fmt: skip
CLOCK = "common/clock.py"


def test_exceptions_are_caught_by_name_except_at_the_doors() -> None:
    broad = {file.path for file in source_files() for _ in broad_handlers(file)}
    assert sorted(broad - DOORS.keys()) == []


def test_every_door_is_still_a_door() -> None:
    broad = {file.path for file in source_files() for _ in broad_handlers(file)}
    assert sorted(DOORS.keys() - broad) == []


def test_no_exception_is_caught_without_a_name() -> None:
    assert list(places(is_bare)) == []


def test_environment_is_read_in_its_modules_only() -> None:
    assert [place for place in places(reads_environment) if path_of(place) not in ENVIRONMENT] == []


def test_only_commands_print() -> None:
    assert [place for place in places(prints) if not place.startswith("cli/")] == []


def test_only_the_clock_asks_what_time_it_is() -> None:
    # What model authors install stands alone, and so has no clock of ours.
    ours = [place for place in places(asks_the_time) if not place.startswith("microservice/")]
    assert [place for place in ours if path_of(place) != CLOCK] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {"utils", "util", "helpers", "helper", "misc"}
    # Under seldon_core's import names, which are not ours to choose.
    ours = (file.path for file in source_files() if not file.path.startswith("microservice/shim/"))
    assert [path for path in ours if names & set(path.removesuffix(".py").split("/"))] == []


def test_every_module_says_in_a_sentence_what_lives_in_it() -> None:
    silent = [file.path for file in source_files() if file.tree.body and not ast.get_docstring(file.tree)]
    assert silent == []


def test_nothing_is_unpickled() -> None:
    assert list(places(imports_pickle)) == []


def broad_handlers(file: SourceFile) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if {dotted(kind) for kind in kinds} & {"Exception", "BaseException"}:
                yield node


def places(is_wrong: Callable[[ast.AST], bool]) -> Iterator[str]:
    """`path:line` of every node of ours that is wrong."""
    for file in source_files():
        for node in ast.walk(file.tree):
            if is_wrong(node):
                yield f"{file.path}:{getattr(node, 'lineno', 1)}"


def path_of(place: str) -> str:
    return place.partition(":")[0]


def is_bare(node: ast.AST) -> bool:
    return isinstance(node, ast.ExceptHandler) and node.type is None


def reads_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and dotted(node) in {"os.environ", "os.getenv", "os.environb"}


def prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == "print"


def asks_the_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    owner, _, way = dotted(node.func).rpartition(".")
    if owner == "time":
        return way in {"time", "time_ns"}
    return way in {"now", "utcnow", "today"} and owner.rpartition(".")[2] in {"datetime", "date", "timezone"}


def imports_pickle(node: ast.AST) -> bool:
    modules = {"pickle", "dill", "shelve"}
    if isinstance(node, ast.ImportFrom):
        return node.module in modules
    return isinstance(node, ast.Import) and any(name.name in modules for name in node.names)
