"""The systemd units: systemd itself finds no fault, and what they promise fits the product's settings."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from deploy.machine import HANG_SECONDS
from docs.generate import settings_read
from tests.architecture.source import ROOT

UNITS = ROOT / "deploy" / "systemd"


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    "name", ["seldon-api.service", "seldon-api-backup.service", "seldon-api-backup.timer"]
)
def test_systemd_finds_no_fault(name: str, tmp_path: Path) -> None:
    for path in UNITS.glob("seldon-api*"):
        # The program and the user are there once it is installed.
        text = path.read_text().replace("/opt/seldon-api/bin/seldon-cli", "/bin/true")
        (tmp_path / path.name).write_text(text.replace("=seldon\n", "=daemon\n"))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    ours = [line for line in done.stderr.splitlines() if "seldon-api" in line]
    assert (done.returncode, ours) == (0, [])


def test_machine_has_the_time_to_stop_in_order() -> None:
    # Workers, then microservices (10 s), then the shipper.
    needed = 2 * (settings.SELDON_GRACE_SECONDS + HANG_SECONDS) + 10
    assert int(unit("seldon-api.service")["Service"]["TimeoutStopSec"]) > needed


def test_example_of_the_environment_names_settings_of_ours() -> None:
    lines = (UNITS / "environment.example").read_text().splitlines()
    names = {line.lstrip("#").partition("=")[0] for line in lines if "=" in line}
    known = {setting.name for setting in settings_read()}
    assert {name.removesuffix("_FILE") for name in names} - known == set()
