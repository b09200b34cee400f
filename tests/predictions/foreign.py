"""A foreign server of Seldon Server's gRPC, from proto files of its own, as a process."""

from __future__ import annotations

import base64
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.microservice.running import read_line

SELDON_PROTO = """
syntax = "proto3";
package io.seldon.api.rpc;
import "google/protobuf/any.proto";
service Seldon { rpc Classify(ClassificationRequest) returns (ClassificationReply) {} }
message ClassificationRequestMeta { string puid = 1; }
message ClassificationRequest { ClassificationRequestMeta meta = 1; google.protobuf.Any data = 2; }
message ClassificationReplyMeta { string puid = 1; string modelName = 2; string variation = 3; }
message ClassificationResult { double prediction = 1; string predictedClass = 2; double confidence = 3; }
message ClassificationReply {
  ClassificationReplyMeta meta = 1;
  repeated ClassificationResult predictions = 2;
  google.protobuf.Any custom = 3;
}
message DefaultCustomPredictRequest { repeated float values = 1; }
"""
IRIS_PROTO = """
syntax = "proto3";
package iris;
message IrisPredictRequest { double sepal_length = 1; double sepal_width = 2; string note = 3; }
message IrisPredictReply { double area = 1; string note = 2; }
"""
# Its first value says how it misbehaves.
SERVER = """
    import sys, threading
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    import iris_pb2, seldon_pb2

    HANG, REFUSE, BREAK, GARBAGE, HUGE, BUSY = -1, -2, -3, -4, -5, -6

    def classify(raw, context):
        request = seldon_pb2.ClassificationRequest.FromString(raw)
        reply = seldon_pb2.ClassificationReply()
        reply.meta.puid, reply.meta.modelName = request.meta.puid, "foreign-1"
        asked = iris_pb2.IrisPredictRequest()
        if request.data.Unpack(asked):
            area = asked.sepal_length * asked.sepal_width
            reply.custom.Pack(iris_pb2.IrisPredictReply(area=area, note=asked.note))
            return reply.SerializeToString()
        values = seldon_pb2.DefaultCustomPredictRequest()
        request.data.Unpack(values)
        first = values.values[0]
        if first == HANG:
            threading.Event().wait()
        if first == REFUSE:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "too few petals")
        if first == BUSY:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no room for you")
        if first == BREAK:
            raise RuntimeError("the model broke")
        if first == GARBAGE:
            return b"\\xff\\xff\\xff"
        if first == HUGE:
            return b"x" * (2 << 20)
        reply.predictions.add(prediction=0.9, predictedClass="setosa", confidence=sum(values.values))
        return reply.SerializeToString()

    handlers = {"Classify": grpc.unary_unary_rpc_method_handler(classify)}
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("io.seldon.api.rpc.Seldon", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:" + sys.argv[1])
    server.start()
    print(port, flush=True)
    threading.Event().wait()
"""


def compile_protos(folder: Path) -> None:
    """The modules of both files, and a set of descriptors of the second."""
    (folder / "seldon.proto").write_text(SELDON_PROTO)
    (folder / "iris.proto").write_text(IRIS_PROTO)
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"]
    subprocess.run([*command, f"--python_out={folder}", "seldon.proto", "iris.proto"], cwd=folder, check=True)
    found = ["--include_imports", f"--descriptor_set_out={folder / 'iris.pb'}"]
    subprocess.run([*command, *found, "iris.proto"], cwd=folder, check=True)


def registration(folder: Path) -> dict[str, str]:
    """The document `rpc` that registers the client's messages."""
    return {
        "descriptors": base64.b64encode((folder / "iris.pb").read_bytes()).decode(),
        "requestClassName": "iris.IrisPredictRequest",
        "replyClassName": "iris.IrisPredictReply",
    }


def start_foreign(folder: Path, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A server, and the port at which it answers."""
    (folder / "server.py").write_text(textwrap.dedent(SERVER))
    process = subprocess.Popen(
        [sys.executable, "server.py", str(port)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    return process, int(read_line(process))
