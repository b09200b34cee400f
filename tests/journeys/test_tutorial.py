"""The tutorial of a canary: every command on its page, one after the other, as a reader pastes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.servers import free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

PAGE = ROOT / "docs" / "tutorial" / "canary.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_command_of_the_canary_works_as_it_is_written(tmp_path: Path) -> None:
    port = free_port()
    blocks = BLOCK.findall(PAGE.read_text().replace("localhost:8000", f"localhost:{port}"))
    assert len(blocks) == 7
    # `set -m`: a script has no jobs to name (`%1`) unless it is told so.
    script = "\n".join(["set -em", *blocks])
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SELDON_PORT": str(port),
        "SELDON_WORKERS": "1",
        "DATABASE_URL": "",
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip
    log = (tmp_path / "canary" / "serve.log").read_text()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log}"
    check_answers(done.stdout)


def check_answers(output: str) -> None:
    lines = output.splitlines()
    counts = [int(line) for line in lines if line.isdecimal()]
    assert 1 <= counts[0] <= 24
    assert counts[1] == 20
    answers = [line for line in lines if line.startswith('{"data"') or '"ndarray"' in line]
    assert len(answers) == 2
    assert all('["setosa","other"]' in answer for answer in answers)
    assert "rolled back to generation 1" in output
    assert "seldondeployment/iris deleted  (client acme)" in output
