"""How a model comes to its container: downloaded before it starts, or mounted from a claim."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from deploy.manifests.names import short_name
from deploy.rendering.scene import Object, Scene
from deploy.rendering.units import MODEL_FOLDER

_PVC: Final = "pvc://"
NO_INITIALIZER: Final = "no-storage-initializer"


class Download(NamedTuple):
    """What shall be downloaded for one container, and by whom."""

    container: str
    uri: str
    env_secret: str = ""
    image: str = ""


def add_model(scene: Scene, pod: Object, wanted: Download) -> None:
    """Puts the model at /mnt/models of the container in `pod`, unless `seldon.io/no-storage-initializer`."""
    if not wanted.uri or scene.manifest.annotation(NO_INITIALIZER) is not None:
        return
    container = next(each for each in pod["containers"] if each["name"] == wanted.container)
    if any(each.get("mountPath") == MODEL_FOLDER for each in container.get("volumeMounts", [])):
        return
    volume = short_name(f"{wanted.container}-provision-location")
    if wanted.uri.startswith(_PVC):
        claim, _, path = wanted.uri.removeprefix(_PVC).partition("/")
        _mount(container, volume, {"subPath": path} if path else {})
        _add_volume(pod, volume, {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
        return
    _mount(container, volume, {})
    _add_volume(pod, volume, {"emptyDir": {}})
    pod.setdefault("initContainers", []).append(_initializer(scene, wanted, volume))


def _mount(container: Object, volume: str, more: dict[str, Any]) -> None:
    mount = {"name": volume, "mountPath": MODEL_FOLDER, "readOnly": True, **more}
    container["volumeMounts"] = [*container.get("volumeMounts", []), mount]


def _add_volume(pod: Object, name: str, source: dict[str, Any]) -> None:
    pod.setdefault("volumes", []).append({"name": name, **source})


def _initializer(scene: Scene, wanted: Download, volume: str) -> Object:
    """The container that downloads; its own limits, so that a small quota is enough for it."""
    made: Object = {
        "name": short_name(f"{wanted.container}-model-initializer"),
        "image": wanted.image or scene.options.images.storage_initializer,
        "imagePullPolicy": "IfNotPresent",
        "args": [wanted.uri, MODEL_FOLDER],
        "volumeMounts": [{"name": volume, "mountPath": MODEL_FOLDER}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "100Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if wanted.env_secret:
        made["envFrom"] = [{"secretRef": {"name": wanted.env_secret}}]
    return made
