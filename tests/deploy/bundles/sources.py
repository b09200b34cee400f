"""Source folders and wheels for the builder."""

from __future__ import annotations

import zipfile
from pathlib import Path

CLASS = """
class Doubler:
    def predict(self, X, features_names, meta=None):
        return X * 2
"""
ENVIRONMENT = "MODEL_NAME=Doubler\nSERVICE_TYPE=MODEL\n"


def make_source(folder: Path, text: str = CLASS, environment: str = ENVIRONMENT, **files: str) -> Path:
    """A source folder with the class Doubler; further files by their names, `_` for `.`."""
    (folder / ".s2i").mkdir(parents=True, exist_ok=True)
    (folder / ".s2i" / "environment").write_text(environment)
    (folder / "Doubler.py").write_text(text)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


def make_wheel(folder: Path, name: str, version: str = "1.0", needs: str = "") -> Path:
    """A wheel whose module `name` holds VERSION."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = f"{name}-{version}.dist-info"
    need = f"Requires-Dist: {needs}\n" if needs else ""
    texts = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{facts}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{need}",
        f"{facts}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{facts}/RECORD": f"{name}.py,,\n{facts}/METADATA,,\n{facts}/WHEEL,,\n{facts}/RECORD,,\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in texts.items():
            wheel.writestr(member, text)
    return path
