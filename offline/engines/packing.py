"""What executors need of us: our code as one zip, and the command that submits a job."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = ("common", "offline/engines", "offline/jobs", "pipelines")
_FILES: Final = ("offline/__init__.py", "offline/errors.py")
# Neither Django nor what needs it goes along.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Submission:
    """A job for spark-submit. `environment` is a packed Python for executors without our packages."""

    job: str
    day: str
    parameters: Mapping[str, Any]
    code: Path
    master: str = ""
    environment: Path | None = None
    options: Sequence[str] = ()

    def command(self, spark_submit: str) -> list[str]:
        """The words of the command. No secret is among them: the store's are in the environment."""
        words = [spark_submit, *(["--master", self.master] if self.master else [])]
        words += ["--name", f"seldon {self.job} {self.day}", "--py-files", str(self.code)]
        if self.environment is not None:
            words += ["--archives", f"{self.environment}#environment"]
            words += ["--conf", "spark.pyspark.python=./environment/bin/python"]
            words += ["--conf", f"spark.pyspark.driver.python={sys.executable}"]
        else:
            words += ["--conf", f"spark.pyspark.python={sys.executable}"]
        main = str(ROOT / "offline/engines/spark_main.py")
        parameters = json.dumps(dict(self.parameters))
        return [*words, *self.options, main, self.job, "--day", self.day, "--parameters", parameters]


def pack_code(target: Path) -> Path:
    """Write our code for executors to `target`; the same code gives the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp")
    with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(_sources()):
            name = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), _EPOCH)
            packed.writestr(name, path.read_bytes())
    aside.replace(target)
    return target


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in _FILES)
    for package in _PACKAGES:
        yield from (ROOT / package).rglob("*.py")
