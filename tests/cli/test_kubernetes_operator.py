"""`seldon-cli kubernetes-operator` as a process: it brings a deployment about, and ends on SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.kubernetes.api_server import TOKEN, ApiServer, serving_on
from tests.deploy.kubernetes.test_operator import wait_for_object, wait_for_state
from tests.deploy.manifests.making import document

ROOT = Path(__file__).parents[2]


def environment(tmp_path: Path, port: int) -> dict[str, str]:
    kubeconfig = tmp_path / "kubeconfig"
    one = {"name": "here"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [one | {"cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [one | {"user": {"token": TOKEN}}],
        "contexts": [one | {"context": {"cluster": "here", "user": "here"}}],
    }
    kubeconfig.write_text(yaml.safe_dump(config))
    given = {
        "KUBECONFIG": str(kubeconfig),
        "SELDON_DATA": str(tmp_path / "data"),
        "KUBERNETES_ENGINE": "orchestrator",
    }
    return {**os.environ, **given}


@pytest.mark.slow
def test_operator_finds_the_cluster_works_and_ends_on_sigterm(tmp_path: Path) -> None:
    server = ApiServer()
    with serving_on(server) as port:
        command = [sys.executable, "-m", "cli.main", "kubernetes-operator"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path, port), stderr=subprocess.PIPE)
        try:
            server.put(document())
            wait_for_object(server, "iris-main-0-classifier", seconds=60)
            server.run_pods()
            wait_for_state(server, "Available")
        finally:
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=100)
    assert process.returncode == 0
    assert b"watches SeldonDeployments" in told


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    env = environment(tmp_path, 1) | {"KUBECONFIG": str(tmp_path / "nothing")}
    command = [sys.executable, "-m", "cli.main", "kubernetes-operator"]
    ended = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 1
    assert "the Kubernetes API cannot be reached: neither a pod's account nor a kubeconfig" in ended.stderr
