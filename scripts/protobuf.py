"""Makes the Python code of the proto files; `python -m scripts.protobuf` after every change of one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "microservice/protocol"
PROTOS = (f"{FOLDER}/prediction.proto", f"{FOLDER}/tensor.proto", f"{FOLDER}/inference.proto")
# tritonclient and MLServer have messages of the same names; a pool of our own lets one process have both.
PRIVATE = "inference"
DEFAULT_POOL, OWN_POOL = "_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()"
# The compiler's version is newer than what a model's own environment may hold, and nothing needs it to be.
VERSION_CHECK = re.compile(
    r"^from google\.protobuf import runtime_version as \w+\n|^_runtime_version\.Validate\w+\(.*?^\)\n",
    re.MULTILINE | re.DOTALL,
)


def generate(target: Path) -> None:
    """Write the generated modules, types and stubs below `target`."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}"]
    outputs = [f"--python_out={target}", f"--pyi_out={target}"]
    subprocess.run([*command, *outputs, *PROTOS], cwd=ROOT, check=True)
    # Stubs only where there are services; they are what a client written for seldon_core imports.
    subprocess.run([*command, f"--grpc_python_out={target}", PROTOS[0], PROTOS[2]], cwd=ROOT, check=True)
    for proto in PROTOS:
        adapt(target / proto.replace(".proto", "_pb2.py"))


def adapt(module: Path) -> None:
    """Let a generated module load under older runtimes, and beside others' messages of the same names."""
    text = VERSION_CHECK.sub("", module.read_text())
    if module.stem.startswith(PRIVATE):
        text = text.replace(DEFAULT_POOL, OWN_POOL)
    module.write_text(text)


if __name__ == "__main__":
    generate(ROOT)
