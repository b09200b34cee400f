"""`make snippet`: minifies the tracking snippet. What it makes is checked in: nothing else needs Node."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from scripts.steps import ROOT, say

ESBUILD: Final = "esbuild@0.28.2"
FOLDER: Final = ROOT / "events" / "static" / "events"
SOURCE: Final = FOLDER / "seldon.js"
BUILT: Final = FOLDER / "built" / "seldon.js"
# Browsers since 2020.
TARGET: Final = "es2020"


def main() -> int:
    """Write `built/seldon.js` and its source map; the exit code is the minifier's."""
    options = ("--minify", f"--target={TARGET}", "--sourcemap", "--log-level=warning", f"--outfile={BUILT}")
    with tempfile.TemporaryDirectory() as folder:
        words = ("npm", "exec", "--yes", f"--prefix={folder}", f"--package={ESBUILD}", "--")
        code = subprocess.run([*words, "esbuild", str(SOURCE), *options], cwd=ROOT, check=False).returncode
    if code == 0:
        sign(BUILT)
        say(f"{BUILT.relative_to(ROOT)}: {BUILT.stat().st_size} bytes")
    return code


def sign(built: Path) -> None:
    """Note in the map which script it belongs to, so that neither changes without the other."""
    path = built.with_suffix(".js.map")
    source_map: dict[str, Any] = json.loads(path.read_text())
    source_map["x_script"] = digest(built)
    path.write_text(json.dumps(source_map, separators=(",", ":"), ensure_ascii=False) + "\n")


def digest(path: Path) -> str:
    """What stands for a file's content."""
    return hashlib.blake2s(path.read_bytes(), digest_size=12).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
