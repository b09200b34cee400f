"""The volumes of a pod on this machine: folders, which the container is told of instead of its own paths.

Nothing is mounted: in command, arguments and variables the path of a volume is written as its folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from deploy.manifests.records import Json
from deploy.runtimes.local.records import Instance, Mount
from deploy.runtimes.local.values import CONFIG_MAP, SECRET, Reference, Values

# The pod's annotations: our microservice gets by options what it would read there.
_PODINFO: Final = frozenset({"seldon-podinfo", "podinfo"})


@dataclass(frozen=True, slots=True)
class Volumes:
    """Those of one pod: `private` is where it may have folders of its own, `host_paths` what it may share."""

    pod: Json
    private: Path
    host_paths: tuple[str, ...]
    values: Values

    def mounts(self, container: Json, problems: list[str]) -> tuple[Mount, ...]:
        """What the container sees; of each volume that cannot be had a problem is told."""
        named = {
            str(each.get("name")): each for each in self.pod.get("volumes") or () if isinstance(each, dict)
        }
        asked = [each for each in container.get("volumeMounts") or () if isinstance(each, dict)]
        wanted = [each for each in asked if each.get("name") not in _PODINFO]
        found = []
        for each in wanted:
            name, path = str(each.get("name")), str(each.get("mountPath") or "").rstrip("/")
            volume = named.get(name)
            if volume is None or not path:
                problems.append(f"volumeMounts names {name}, which the pod's volumes do not have")
                continue
            mount = self._mount(name, volume, problems)
            if mount:
                below = str(each.get("subPath") or "").strip("/")
                if ".." in below.split("/"):
                    problems.append(f"the subPath {below} of the volume {name} leads out of it")
                found.append(replace(mount, path=path, below=below))
        return tuple(found)

    def _mount(self, name: str, volume: Json, problems: list[str]) -> Mount | None:
        if "emptyDir" in volume:
            # A manifest's name leads nowhere else: the folder is made, and deleted with all that is in it.
            return Mount("", str(self.private / quote(name, safe="")), is_private=True)
        if isinstance(volume.get("hostPath"), dict):
            return self._host_path(name, str(volume["hostPath"].get("path")), problems)
        for key, kind, word in (("secret", SECRET, "secretName"), ("configMap", CONFIG_MAP, "name")):
            if isinstance(volume.get(key), dict):
                wanted = Reference(kind, str(volume[key].get(word)))
                return self._values(name, wanted, volume[key], problems)
        kinds = ", ".join(sorted(set(volume) - {"name"})) or "nothing"
        problems.append(
            f"the volume {name} is of a kind that this machine does not have ({kinds}): it has emptyDir, "
            "secret, configMap, and hostPath below DEPLOYMENTS_HOST_PATHS"
        )
        return None

    def _host_path(self, name: str, path: str, problems: list[str]) -> Mount | None:
        real = Path(path.replace("\0", "?")).resolve()
        if not any(real.is_relative_to(Path(each).resolve()) for each in self.host_paths):
            problems.append(
                f"the volume {name} is {path} of this machine, which DEPLOYMENTS_HOST_PATHS does not allow"
            )
        elif not real.exists():
            problems.append(f"the volume {name} is {path} of this machine, and there is no such folder")
        else:
            return Mount("", str(real))
        return None

    def _values(self, name: str, wanted: Reference, told: Any, problems: list[str]) -> Mount | None:
        if told.get("items"):
            problems.append(f"the volume {name} has items, which are not followed here: leave them out")
        elif self.values.read(wanted) is not None:
            return Mount("", str(self.values.folder(wanted)))
        elif not told.get("optional"):
            problems.append(f"the volume {name}: {self.values.missing(wanted)}")
        return None


def place_text(text: str, mounts: Iterable[Mount], slot: int) -> str:
    """The text with each path of a volume written as the folder of this machine that stands for it."""
    places = {mount.path: mount.place_of(slot) for mount in mounts}
    if not places:
        return text
    longest_first = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(?:{longest_first})(?![\w.-])", lambda found: places[found[0]], text)


def make_folders(instance: Instance) -> None:
    """The folders that a process has for itself, and the one that it is started in."""
    for mount in _private(instance):
        Path(mount.place_of(instance.slot)).mkdir(mode=0o700, parents=True, exist_ok=True)
    if instance.plan.directory:
        Path(instance.plan.directory).mkdir(parents=True, exist_ok=True)


def remove_folders(gone: Iterable[Instance], left: Iterable[Instance]) -> None:
    """Delete what only processes that are gone had."""
    kept = {mount.root_of(each.slot) for each in left for mount in _private(each)}
    for root in {mount.root_of(each.slot) for each in gone for mount in _private(each)} - kept:
        shutil.rmtree(root, ignore_errors=True)


def _private(instance: Instance) -> Iterator[Mount]:
    return (mount for mount in instance.plan.mounts if mount.is_private)
