"""Makes the Python code of the proto files; `python -m scripts.protobuf` after every change of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ("microservice/protocol/prediction.proto", "microservice/protocol/tensor.proto")


def generate(target: Path) -> None:
    """Write the generated modules, types and stubs below `target`."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}"]
    outputs = [f"--python_out={target}", f"--pyi_out={target}"]
    subprocess.run([*command, *outputs, *PROTOS], cwd=ROOT, check=True)
    # Stubs only where there are services; they are what a client written for seldon_core imports.
    subprocess.run([*command, f"--grpc_python_out={target}", PROTOS[0]], cwd=ROOT, check=True)


if __name__ == "__main__":
    generate(ROOT)
