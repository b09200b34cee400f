"""Makes the Python code of the proto files; `python -m scripts.protobuf` after every change of one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "microservice/protocol"
NAMES = ("prediction", "tensor", "inference", "classify", "serving")
PROTOS = tuple(f"{FOLDER}/{name}.proto" for name in NAMES)
# Stubs only where there are services; they are what a client written for seldon_core imports.
WITH_STUBS = (PROTOS[0], *PROTOS[2:])
# tritonclient, MLServer, TensorFlow's clients and programs for Seldon Server have messages of the same names;
# pools of our own let one process have both.
PRIVATE = ("inference", "classify", "serving")
OWN_POOL = "_descriptor_pool.DescriptorPool()"
POOL_LINE = re.compile(r"^(DESCRIPTOR = )_descriptor_pool\.Default\(\)", re.MULTILINE)
IMPORTED = re.compile(r"^from google\.protobuf import \w+_pb2 as (\w+)$", re.MULTILINE)
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
    subprocess.run([*command, f"--grpc_python_out={target}", *WITH_STUBS], cwd=ROOT, check=True)
    for proto in PROTOS:
        adapt(target / proto.replace(".proto", "_pb2.py"))


def adapt(module: Path) -> None:
    """Let a generated module load under older runtimes, and beside others' messages of the same names."""
    text = VERSION_CHECK.sub("", module.read_text())
    if module.stem.startswith(PRIVATE):
        text = POOL_LINE.sub(rf"{own_pool(text)}\1_pool", text)
    module.write_text(text)


def own_pool(text: str) -> str:
    """The lines that make a pool which holds what a generated module imports."""
    names = IMPORTED.findall(text)
    adding = (f"_pool.AddSerializedFile({name}.DESCRIPTOR.serialized_pb)\n" for name in names)
    return "".join((f"_pool = {OWN_POOL}\n", *adding))


if __name__ == "__main__":
    generate(ROOT)
