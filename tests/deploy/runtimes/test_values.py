"""Variables and volumes from secrets, config maps and folders: what a container gets, and what it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import ValueNameError
from deploy.runtimes.local.processes import part_of
from deploy.runtimes.local.records import UnitPlan
from deploy.runtimes.local.values import CONFIG_MAP, SECRET, Reference, Values, changed_at
from deploy.runtimes.local.volumes import Volumes, make_folders, remove_folders
from tests.deploy.manifested import container, manifest, predictor
from tests.deploy.runtimes.bundled import planned
from tests.deploy.runtimes.planned import instance

S3 = Reference(SECRET, "s3")


@pytest.fixture
def acme(tmp_path: Path) -> Values:
    """Has the secret s3 and the config map settings; globex has the secret other."""
    values = Values("acme", tmp_path)
    values.write(S3, {"KEY": "k", "PASSWORD": "p w"})
    values.write(Reference(CONFIG_MAP, "settings"), {"THRESHOLD": "0.7", "9-no-variable": "x"})
    Values("globex", tmp_path).write(Reference(SECRET, "other"), {"KEY": "theirs"})
    return values


def only(folder: Path, volumes: list[Any] | None = None, around: Any = None, **fields: Any) -> UnitPlan:
    document = manifest(predictor(containers=[container("classifier", **fields)]))
    document["spec"]["predictors"][0]["componentSpecs"][0]["spec"]["volumes"] = volumes or []
    return planned(folder, document, **(around or {})).units[0]


def key_of(kind: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": "A", "valueFrom": {kind: {"name": name, "key": key, **more}}}


def test_variables_come_from_secrets_config_maps_and_fields(acme: Values, tmp_path: Path) -> None:
    env = [
        key_of("secretKeyRef", "s3", "PASSWORD"),
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "THRESHOLD"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]
    unit = only(tmp_path, env=env)
    found = dict(unit.variables)
    assert (found["A"], found["B"], found["C"], unit.problem) == ("p w", "0.7", "acme", "")


def test_all_of_a_secret_is_taken_with_its_prefix_and_what_is_written_wins(
    acme: Values, tmp_path: Path
) -> None:
    sources = [{"secretRef": {"name": "s3"}, "prefix": "MY_"}, {"configMapRef": {"name": "settings"}}]
    unit = only(tmp_path, envFrom=sources, env=[{"name": "MY_KEY", "value": "written"}])
    found = dict(unit.variables)
    assert (found["MY_KEY"], found["MY_PASSWORD"], found["THRESHOLD"]) == ("written", "p w", "0.7")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"env": [key_of("secretKeyRef", "none", "K")]}, "seldon-cli secret set none K=VALUE -n acme"),
        ({"env": [key_of("secretKeyRef", "s3", "K")]}, "K of the secret s3 is not on this machine"),
        ({"env": [key_of("configMapKeyRef", "none", "K")]}, "seldon-cli configmap set none K=VALUE -n acme"),
        ({"env": [key_of("secretKeyRef", "other", "KEY")]}, "KEY of the secret other is not on this machine"),
        ({"env": [key_of("secretKeyRef", "../globex/other", "KEY")]}, "is not on this machine"),
        ({"env": [key_of("resourceFieldRef", "x", "K")]}, "write its value"),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, "the secret none is not on this machine"),
        ({"envFrom": [{"prefix": "P"}]}, "neither secretRef nor configMapRef"),
    ],
    ids=["secret", "key", "config-map", "of-another-client", "outside", "field", "all", "wrong"],
)
def test_what_cannot_be_had_is_told_with_how_to_mend_it(
    acme: Values, tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    assert words in only(tmp_path, **fields).problem


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "x" * 200_000], ids=["nul", "half", "long"])
def test_value_that_no_process_can_be_given_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    given = only(tmp_path, env=[{"name": "A", "value": text}]).problem
    graph = {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": f"/models/{text}"}
    [unit] = planned(tmp_path, manifest(predictor(graph=graph, containers=[]))).units
    assert given.startswith("the variable A h")
    assert unit.problem.startswith("the variable MLSERVER_MODEL_URI h")
    assert text not in given + unit.problem


def test_secret_that_holds_what_no_process_can_be_given_is_told(acme: Values, tmp_path: Path) -> None:
    acme.write(S3, {"KEY": "a\0b", "L" * 253: "long"})
    assert (
        "the variable A holds the character NUL"
        in only(tmp_path, env=[key_of("secretKeyRef", "s3", "KEY")]).problem
    )


def test_what_is_optional_may_be_missing(acme: Values, tmp_path: Path) -> None:
    unit = only(
        tmp_path,
        env=[key_of("secretKeyRef", "none", "K", optional=True)],
        envFrom=[{"configMapRef": {"name": "none", "optional": True}}],
    )
    assert (unit.problem, "A" in dict(unit.variables)) == ("", False)


@pytest.mark.parametrize(
    ("uri", "secret", "expected"),
    [
        ("s3://models/iris", {"AWS_ACCESS_KEY_ID": "a"}, {"AWS_ACCESS_KEY_ID": "a"}),
        (
            "s3:models/iris",
            {
                "RCLONE_CONFIG_S3_TYPE": "s3",
                "RCLONE_CONFIG_S3_ACCESS_KEY_ID": "a",
                "RCLONE_CONFIG_S3_ENDPOINT": "http://minio:9000",
            },
            {"AWS_ACCESS_KEY_ID": "a", "AWS_ENDPOINT_URL": "http://minio:9000"},
        ),
        (
            "myminio://models/iris",
            {"RCLONE_CONFIG_MYMINIO_TYPE": "s3", "RCLONE_CONFIG_MYMINIO_SECRET_ACCESS_KEY": "b"},
            {"AWS_SECRET_ACCESS_KEY": "b"},
        ),
        (
            "s3://models/iris",
            {"S3_ENDPOINT": "minio:9000", "USE_SSL": "0"},
            {"AWS_ENDPOINT_URL": "http://minio:9000"},
        ),
    ],
    ids=["aws", "rclone", "rclone-remote", "older"],
)
def test_server_gets_access_to_its_model_by_the_words_of_the_storage_initializer(
    acme: Values, tmp_path: Path, uri: str, secret: dict[str, str], expected: dict[str, str]
) -> None:
    acme.write(Reference(SECRET, "access"), secret)
    graph = {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": uri, "envSecretRefName": "access"}
    [unit] = planned(tmp_path, manifest(predictor(graph=graph, containers=[]))).units
    found = dict(unit.variables)
    assert (unit.problem, {name: found.get(name) for name in expected}) == ("", expected)
    parameters = json.loads(found["PREDICTIVE_UNIT_PARAMETERS"])
    assert {"name": "model_uri", "value": "s3://models/iris", "type": "STRING"} in parameters


def test_path_of_a_private_volume_is_a_folder_of_each_replica_and_goes_with_it(
    acme: Values, tmp_path: Path
) -> None:
    unit = only(
        tmp_path,
        volumes=[{"name": "cache", "emptyDir": {}}],
        volumeMounts=[
            {"name": "cache", "mountPath": "/cache/"},
            {"name": "cache", "mountPath": "/up", "subPath": "u"},
        ],
        env=[{"name": "A", "value": "/cache/x:/cached:/a/cache /up"}],
        args=["--model-metadata", "/cache"],
    )
    second = instance(unit, 1)
    make_folders(second)
    [folder] = (tmp_path / "volumes/acme/iris/main.0").iterdir()
    part = part_of(second, tmp_path)
    assert part.alone
    assert part.alone["A"] == f"{folder}/x:/cached:/a/cache {folder}/u"
    assert part.command[-1] == str(folder)
    remove_folders([second], [instance(unit, 0)])
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../../../globex/iris/main.0/cache", "/etc/cache", ".."])
def test_private_volume_is_in_its_pods_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    volumes = Volumes(
        {"volumes": [{"name": name, "emptyDir": {}}]}, tmp_path / "pod", (), Values("acme", tmp_path)
    )
    [mount] = volumes.mounts({"volumeMounts": [{"name": name, "mountPath": "/cache"}]}, [])
    assert Path(mount.root_of(0)).resolve().parent == tmp_path / "pod"


def test_secrets_config_maps_and_folders_that_are_allowed_are_volumes(acme: Values, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    unit = only(
        tmp_path,
        volumes=[
            {"name": "a", "secret": {"secretName": "s3"}},
            {"name": "b", "configMap": {"name": "settings"}},
            {"name": "c", "hostPath": {"path": str(data)}},
        ],
        volumeMounts=[{"name": name, "mountPath": f"/{name}"} for name in "abc"],
        env=[{"name": "A", "value": "/a/KEY"}, {"name": "C", "value": "/c"}],
        around={"host_paths": (str(tmp_path),)},
    )
    found = dict(part_of(instance(unit), tmp_path).alone or {})
    assert (unit.problem, Path(found["A"]).read_text(), found["C"]) == ("", "k", str(data))


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"hostPath": {"path": "/etc"}}, "DEPLOYMENTS_HOST_PATHS does not allow"),
        ({"hostPath": {"path": "/a\0b"}}, "DEPLOYMENTS_HOST_PATHS does not allow"),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "(persistentVolumeClaim)"),
        ({"secret": {"secretName": "none"}}, "seldon-cli secret set none KEY=VALUE -n acme"),
        ({"secret": {"secretName": "s3", "items": [{"key": "KEY", "path": "k"}]}}, "has items"),
    ],
    ids=["host-path", "no-path", "claim", "missing", "items"],
)
def test_volume_that_cannot_be_had_is_told(
    acme: Values, tmp_path: Path, volume: dict[str, Any], words: str
) -> None:
    mounts = [{"name": "v", "mountPath": "/v"}]
    assert words in only(tmp_path, volumes=[{"name": "v", **volume}], volumeMounts=mounts).problem


def test_volume_that_no_container_mounts_keeps_nothing_from_running(acme: Values, tmp_path: Path) -> None:
    assert only(tmp_path, volumes=[{"name": "v", "nfs": {}}]).problem == ""


def test_autoscaling_is_told_not_to_be_followed(tmp_path: Path) -> None:
    document = manifest()
    document["spec"]["predictors"][0]["componentSpecs"][0]["hpaSpec"] = {"minReplicas": 2, "maxReplicas": 5}
    [unit] = planned(tmp_path, document).units
    assert unit.replicas == 2
    assert "hpaSpec is not followed on one machine" in unit.warnings[0]


def test_change_of_a_value_is_another_revision_and_is_noticed(acme: Values, tmp_path: Path) -> None:
    env = [key_of("secretKeyRef", "s3", "KEY")]
    before, mark = only(tmp_path, env=env), changed_at(tmp_path)
    acme.write(S3, {"KEY": "new"})
    assert only(tmp_path, env=env).revision != before.revision
    assert changed_at(tmp_path) > mark


def test_values_are_the_machine_users_alone(acme: Values, tmp_path: Path) -> None:
    places = [tmp_path / "secrets/acme/s3", tmp_path / "secrets/acme/s3/KEY"]
    assert [place.stat().st_mode & 0o077 for place in places] == [0, 0]


def test_name_that_leads_elsewhere_is_refused(acme: Values) -> None:
    for wanted, key in ((Reference(SECRET, "../x"), "K"), (S3, "../K"), (S3, ".k")):
        with pytest.raises(ValueNameError):
            acme.write(wanted, {key: "v"})
