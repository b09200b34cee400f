"""The OAuth gateway of Seldon Core 0.2 on a whole machine, asked by the original's own clients."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import apply, build, run
from tests.journeys.machines import Place, Running, new_place
from tests.microservice.running import PROJECT
from tests.servers import free_port

PYTHON = PROJECT / ".run" / "seldon-core" / "bin" / "python"
OLD = PROJECT / ".run" / "seldon-core-0.2"
SCRIPT = PROJECT / "tests" / "microservice" / "foreign" / "gateway_calls.py"
KEY, SECRET = "oauth-key", "oauth-secret"
pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not PYTHON.exists(),
        reason="seldon-core is not in .run/seldon-core; `make journeys` installs it",
    ),
]


def keyed(name: str, secret: str) -> dict[str, Any]:
    document = manifest(predictor(containers=[container("classifier", image="company/iris:0.1")]))
    document["metadata"]["name"] = name
    document["spec"] |= {"oauth_key": KEY, "oauth_secret": secret}
    return document


def ask(machine: Running, address: str, secret: str) -> Any:
    """What both clients were answered; without the old one where it is not installed."""
    files = sorted(OLD.glob("lib/*/site-packages/seldon_core/seldon_client.py"))
    words = (machine.url().removeprefix("http://"), address, "acme", "iris", KEY, secret, *map(str, files))
    done = subprocess.run(
        [str(PYTHON), str(SCRIPT), *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def status_of(url: str, token: str) -> int:
    request = urllib.request.Request(url, b'{"data":{"ndarray":[[1]]}}', {"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def switch_on(place: Place) -> None:
    run(place, "client", "setup", "acme")
    run(place, "client", "legacy", "acme")


def test_originals_clients_sign_in_by_the_key_of_a_manifest(tmp_path: Path) -> None:
    with new_place(tmp_path, str(settings.DATABASE_URL), SELDON_WORKERS="2", RUN_WORKERS="0") as place:
        place.migrate()
        build(place, "company/iris:0.1", 2)
        switch_on(place)
        address = f"127.0.0.1:{free_port()}"
        with place.running("serve", GRPC_ADDRESS=address) as machine:
            machine.url()
            apply(place, keyed("other", "another-secret"))
            apply(place, keyed("iris", SECRET))
            found = ask(machine, address, SECRET)
            assert found["new"] == {
                "rest": [3.0, 5.0],
                "rest without a name": [3.0, 5.0],
                "grpc": [3.0, 5.0],
                "another": "failed: 404:Not Found",
                "refused": [401, "Bad credentials"],
            }
            assert set(map(str, found["old"].values())) <= {"[[3.0, 5.0], True]"}
            check_switch(place, machine, address)


def check_switch(place: Place, machine: Running, address: str) -> None:
    """Without the switch the gateway is not there, also for tokens that it gave before."""
    words = f"{KEY}acme:{SECRET}"
    ways = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    ways.add_password(None, machine.url(), *words.split(":"))
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(ways))
    form = b"grant_type=client_credentials"
    with opener.open(f"{machine.url()}/oauth/token", form, timeout=20) as answer:
        token = json.loads(answer.read())["access_token"]
    path = f"{machine.url()}/api/v0.1/predictions"
    assert status_of(path, token) == 200
    run(place, "client", "legacy", "acme", "--off")
    machine.until(lambda: status_of(path, token) == 401)
    with pytest.raises(urllib.error.HTTPError):
        opener.open(f"{machine.url()}/oauth/token", form, timeout=20)
    file = place.data / "seldon.sqlite3"
    assert not file.exists() or SECRET.encode() not in file.read_bytes()
