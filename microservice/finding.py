"""From the word on the command line (`MyModel`, `module.Class`, `path/MyModel.py`) to the author's class."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from microservice.errors import StartError
from microservice.shipped import resolve

SHIM = str(Path(__file__).resolve().parent / "shim")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look: a folder for `sys.path`, a module, and the class's name in it."""

    folder: Path
    module: str
    class_name: str


def add_seldon_core() -> None:
    """Let `import seldon_core` find our modules of those names where the real package is not installed."""
    if SHIM not in sys.path:
        sys.path.append(SHIM)


def read_interface(interface: str, directory: Path) -> Target:
    """Return what an interface names: `Foo` is class Foo of module Foo, `a.b.Foo` class Foo of module a.b.

    A path is a file; the class has the file's name, or the one after a colon: `models/iris.py:Iris`. A word
    of shipped.py, like SKLEARN_SERVER, is the class that ships under it.
    """
    path, _, class_name = resolve(interface).partition(":")
    if path.endswith(".py") or "/" in path:
        file = (directory / path).resolve()
        if not file.is_file():
            raise StartError(f"There is no file {file}; name the Python file that holds the class")
        return Target(file.parent, file.stem, class_name or file.stem)
    if class_name:
        return Target(directory, path, class_name)
    module, _, last = path.rpartition(".")
    return Target(directory, module or last, last)


def find_class(target: Target) -> type[Any]:
    """Return the class; raises StartError when the module or the class is not there or fails to import."""
    if str(target.folder) not in sys.path:
        sys.path.insert(0, str(target.folder))
    module = import_module(target)
    found = getattr(module, target.class_name, None)
    if inspect.isclass(found):
        return found
    others = [name for name, value in vars(module).items() if is_own_class(value, module)]
    hint = f"it has {', '.join(others)}: seldon-microservice {target.module}:{others[0]}" if others else ""
    raise StartError(
        f"There is no class {target.class_name} in {module.__file__}; {hint or 'it defines no class at all'}"
    )


def import_module(target: Target) -> ModuleType:
    """Return the imported module."""
    importlib.invalidate_caches()
    try:
        with refusing(f"importing {target.module}"):
            return importlib.import_module(target.module)
    except StartError as error:
        raise StartError(explain_import(error, target)) from error.__cause__


def explain_import(error: StartError, target: Target) -> str:
    """Return what to do about a failed import: the module itself is missing, or something it imports is."""
    cause = error.__cause__
    if not isinstance(cause, ModuleNotFoundError) or not cause.name:
        return str(error)
    if target.module == cause.name or target.module.startswith(f"{cause.name}."):
        file = target.folder / f"{target.module.replace('.', '/')}.py"
        return (
            f"There is no module {target.module}: {file} does not exist; start in the folder of your "
            "class or give the path of its file"
        )
    return f"{error}; install it where seldon-microservice is installed: pip install {cause.name}"


def is_own_class(value: object, module: ModuleType) -> bool:
    """Say whether a value is a class that the module itself defines."""
    return inspect.isclass(value) and value.__module__ == module.__name__


@contextmanager
def refusing(doing: str) -> Iterator[None]:
    """Turn whatever the author's code raises while we are `doing` something into one line of StartError."""
    try:
        yield
    except StartError:
        raise
    except SyntaxError as error:
        place = f"{error.filename} line {error.lineno}"
        raise StartError(f"{doing} failed: {error.msg} ({place})") from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise StartError(f"{doing} failed: {type(error).__name__}: {text}{find_place(error)}") from error


def find_place(error: BaseException) -> str:
    """Return file and line of the innermost frame that is not ours nor an importer's."""
    own = str(Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((own, "<frozen")) and "importlib" not in frame.filename:
            return f" ({frame.filename} line {frame.lineno})"
    return ""
