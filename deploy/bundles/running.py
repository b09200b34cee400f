"""The program `run` of a bundle: what the s2i images of Seldon Core start, as a script one can read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.bundles.variables import FOR_THE_BUILD

_SCRIPT: Final = """\
#!/bin/sh
# Made by `seldon-cli build`. Serves {model}; further options go to seldon-core-microservice.
{here}
cd {source} || exit 1
# What is set already wins over .s2i/environment.
{variables}
PATH={programs}:$PATH
export PATH
if [ -f ./before-run ] && [ -x ./before-run ]; then ./before-run || exit 1; fi
exec {python} -P -c 'from microservice.main import core_main; core_main()' \\
    "$MODEL_NAME" --service-type "$SERVICE_TYPE" "$@"
"""


def write_run(target: Path, variables: Mapping[str, str]) -> None:
    """The script of a bundle, which may be moved with it."""
    _write(
        target,
        variables,
        here='here=$(cd "$(dirname "$0")" && pwd)',
        source='"$here/source"',
        programs='"$here/environment/bin"',
        python='"$here/environment/bin/python"',
    )


def write_image_run(target: Path, variables: Mapping[str, str]) -> None:
    """The script of an image, where the source lies in /microservice."""
    _write(
        target,
        variables,
        here="# In an image all packages belong to its one Python.",
        source="/microservice",
        programs="/usr/local/bin",
        python="python",
    )


def _write(target: Path, variables: Mapping[str, str], **words: str) -> None:
    kept = {name: value for name, value in variables.items() if name not in FOR_THE_BUILD}
    lines = [
        f'[ -n "${{{name}+set}}" ] || {name}={shlex.quote(value)}; export {name}'
        for name, value in kept.items()
    ]
    text = _SCRIPT.format(model=" ".join(kept["MODEL_NAME"].split()), variables="\n".join(lines), **words)
    target.write_text(text)
    target.chmod(0o755)
