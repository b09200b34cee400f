"""What the examples become: files that are checked in, and the command that writes them again.

    python -m tests.deploy.golden

`examples/` has manifests of every form; `golden/<step>/` what each step makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from deploy.manifests import default_manifest, read_manifests, write_manifests, write_objects
from deploy.rendering import Options, entry_objects, render_manifest, scenes_of
from deploy.rendering.definition import resource_definition

EXAMPLES = sorted(path for path in (Path(__file__).parent / "examples").iterdir())
GOLDEN = Path(__file__).parent / "golden"
DEFINITION = Path(__file__).parents[2] / "deploy" / "kubernetes" / "base" / "crd.yaml"
# Where what lets requests in differs: canaries, shadows, explainers, annotations.
WITH_ENTRIES = ("canary", "prepackaged", "shadow", "stream")


def defaulted(text: str) -> str:
    return write_manifests([default_manifest(each) for each in read_manifests(text)])


def rendered(options: Options, text: str) -> str:
    return write_objects([made for each in read_manifests(text) for made in render_manifest(each, options)])


def entries(options: Options, text: str) -> str:
    made = [made for each in read_manifests(text) for made in entry_objects(scenes_of(each, options))]
    return write_objects(made)


Step = Callable[[str], str]
STEPS: dict[str, Step] = {
    "defaulted": defaulted,
    "gateway": partial(rendered, Options()),
    "orchestrator": partial(rendered, Options(engine="orchestrator", ingress="istio")),
}
ENTRIES: dict[str, Step] = {
    "ambassador": partial(rendered, Options(engine="orchestrator", ingress="ambassador")),
    "ambassador-v2": partial(entries, Options(engine="orchestrator", ingress="ambassador-v2")),
    "gateway-api": partial(entries, Options(engine="orchestrator", ingress="gateway-api")),
    "gateway-istio": partial(entries, Options(ingress="istio")),
    "gateway-ingress": partial(entries, Options(ingress="ingress", host="models.example.org")),
    "gateway-gateway-api": partial(entries, Options(ingress="gateway-api")),
}


def files() -> Iterator[tuple[Path, Callable[[], str]]]:
    """Every golden file with what makes it."""
    for steps, examples in ((STEPS, EXAMPLES), (ENTRIES, [p for p in EXAMPLES if p.stem in WITH_ENTRIES])):
        for step, make in steps.items():
            for path in examples:
                yield GOLDEN / step / f"{path.stem}.yaml", partial(_made, make, path)


def _made(make: Step, path: Path) -> str:
    return make(path.read_text())


def main() -> None:
    """Write every file and the resource's definition, and remove those that nothing makes any more."""
    current = dict(files())
    for path in set(GOLDEN.rglob("*.yaml")) - current.keys():
        path.unlink()
    for path, make in current.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make())
    DEFINITION.write_text(write_objects([resource_definition()]))


if __name__ == "__main__":
    main()
