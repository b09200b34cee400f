"""What the examples become: files that are checked in, and the command that writes them again.

    python -m tests.deploy.golden

`examples/` has manifests of every form; `golden/<step>/` what each step makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from deploy.manifests import default_manifest, read_manifests, write_manifests

EXAMPLES = sorted(path for path in (Path(__file__).parent / "examples").iterdir())
GOLDEN = Path(__file__).parent / "golden"


def defaulted(text: str) -> str:
    return write_manifests([default_manifest(each) for each in read_manifests(text)])


STEPS: dict[str, Callable[[str], str]] = {"defaulted": defaulted}


def files() -> Iterator[tuple[Path, Callable[[], str]]]:
    """Every golden file with what makes it."""
    for step, make in STEPS.items():
        for path in EXAMPLES:
            yield GOLDEN / step / f"{path.stem}.yaml", partial(_made, make, path)


def _made(make: Callable[[str], str], path: Path) -> str:
    return make(path.read_text())


def main() -> None:
    """Write every file, and remove those that nothing makes any more."""
    current = dict(files())
    for path in set(GOLDEN.rglob("*.yaml")) - current.keys():
        path.unlink()
    for path, make in current.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make())


if __name__ == "__main__":
    main()
