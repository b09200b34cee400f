"""A folder that `docker build` takes: the same source, packages and start as the bundle."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from sys import version_info
from typing import Final

from deploy.bundles.base import microservice_folder
from deploy.bundles.dependencies import Dependencies
from deploy.bundles.errors import ContextExistsError
from deploy.bundles.records import Bundle
from deploy.bundles.running import write_image_run

_FILE: Final = """\
# Made by `seldon-cli build --context`: docker build -t {image} .
FROM python:{python}-slim
WORKDIR /microservice
COPY seldon-microservice /opt/seldon-microservice
COPY whl /whl
COPY source /microservice
{arguments}RUN pip install --no-cache-dir --find-links /whl {words}/opt/seldon-microservice \\
    && chown -R 8888 /microservice
COPY run /opt/run
USER 8888
EXPOSE 5000 6000 9000
CMD ["/opt/run"]
"""
_ARGUMENTS: Final = {"EXTRA_INDEX_URL": "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST": "PIP_TRUSTED_HOST"}


def write_context(
    target: Path, image: str, bundle: Bundle, wanted: Dependencies, variables: Mapping[str, str]
) -> None:
    """Fill the empty folder `target`; ContextExistsError when it is not empty.

    Where packages are found is a build argument, since it may hold a password: see the Dockerfile.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ContextExistsError(target)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(bundle.folder / "source", target / "source")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(microservice_folder(), target / "seldon-microservice", ignore=ignored)
    (target / "whl").mkdir()
    # A folder without files is not carried along by every tool.
    (target / "whl" / ".keep").touch()
    write_image_run(target / "run", bundle.variables)
    asked = [f"ARG {_ARGUMENTS[name]}\n" for name in _ARGUMENTS if variables.get(name)]
    text = _FILE.format(
        image=image,
        python=f"{version_info.major}.{version_info.minor}",
        arguments="".join(asked),
        words="".join(f"{word} " for word in wanted.words),
    )
    (target / "Dockerfile").write_text(text)


def add_wheels(target: Path, wheels: Path) -> None:
    """Lay the wheels of the build into the context."""
    for path in sorted(wheels.iterdir()):
        if path.is_file():
            shutil.copy2(path, target / "whl" / path.name)
