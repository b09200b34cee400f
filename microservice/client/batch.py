"""`seldon-batch-processor`: a file of messages, line by line, through a deployment into a file of answers."""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click
import numpy as np

from microservice.client.seldon_client import SeldonClient, SeldonClientPrediction
from microservice.client.told import SeldonCallCredentials, SeldonChannelCredentials, SeldonClientException
from microservice.protocol.errors import MicroserviceError
from microservice.protocol.wire import encode_json

Json = dict[str, Any]
INPUT = "/assets/input-data.txt"
PUID = "seldon-puid"


@dataclass(frozen=True)
class Line:
    """One line of the input: its number and what it says."""

    index: int
    value: Any


@dataclass
class Job:
    """What is done with every line, and what came of it so far."""

    client: SeldonClient
    batch_id: str
    data_type: str = "data"
    payload_type: str = "ndarray"
    method: str = "predict"
    retries: int = 3
    batch_size: int = 1
    interval_seconds: float = 0.0
    failed: int = 0
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def process(self, lines: list[Line], output: TextIO) -> None:
        """Ask for some lines and write their answers, or why there are none."""
        started = time.monotonic()
        identity = str(uuid.uuid4())
        try:
            answers = self.ask(lines, identity)
            failed = 0
        except (SeldonClientException, MicroserviceError, ValueError, KeyError, TypeError) as error:
            reason = str(error) or type(error).__name__
            answers = [self.failure(line, identity, reason) for line in lines]
            failed = len(lines)
        text = b"".join(encode_json(answer) for answer in answers).decode()
        with self.lock:
            output.write(text)
            self.done += len(lines)
            self.failed += failed
        time.sleep(max(0.0, self.interval_seconds - (time.monotonic() - started)))

    def ask(self, lines: list[Line], identity: str) -> list[Json]:
        """Return the answers to lines; raises SeldonClientException when there are none after the retries."""
        value = (
            lines[0].value if self.batch_size == 1 else join([line.value for line in lines], self.data_type)
        )
        found: SeldonClientPrediction | None = None
        for _ in range(max(1, self.retries)):
            found = self.ask_once(value, lines[0], identity)
            if found.success:
                return [found.response] if self.batch_size == 1 else split(found.response, lines, identity)
        raise SeldonClientException(found.msg if found else "")

    def ask_once(self, value: Any, line: Line, identity: str) -> SeldonClientPrediction:
        """Return one answer."""
        headers = {PUID: identity}
        tags: Json = {"batch_id": self.batch_id}
        if self.batch_size == 1:
            tags |= {"batch_instance_id": identity, "batch_index": line.index}
        if self.data_type == "raw" and not isinstance(value, dict):
            raise SeldonClientException("a raw line must be an object")
        if self.method == "feedback":
            return self.client.feedback(raw_request=value, headers=headers)
        if self.data_type == "raw":
            meta = value.get("meta") or {}
            message = value | {"meta": meta | {"tags": (meta.get("tags") or {}) | tags}}
            return self.client.predict(raw_data=message, headers=headers)
        field = {"data": "data", "json": "json_data", "str": "str_data"}[self.data_type]
        told: Json = {field: np.array(value) if field == "data" else value}
        return self.client.predict(
            payload_type=self.payload_type, meta={"tags": tags}, headers=headers, **told
        )

    def failure(self, line: Line, identity: str, reason: str) -> Json:
        """Return the line that stands for a missing answer."""
        tags = {"batch_id": self.batch_id, "batch_instance_id": identity, "batch_index": line.index}
        return {"status": {"info": "FAILURE", "reason": reason, "status": 1}, "meta": tags}


def join(values: list[Any], data_type: str) -> Any:
    """Return several lines of one row each as one; raises ValueError when they cannot be joined."""
    if data_type == "data":
        return np.concatenate([rows_of(value) for value in values]).tolist()
    first = values[0]["data"]
    if "tensor" in first:
        blocks = [
            rows_of(np.reshape(v["data"]["tensor"]["values"], v["data"]["tensor"]["shape"])) for v in values
        ]
        joined = np.concatenate(blocks)
        data: Json = {"tensor": {"shape": list(joined.shape), "values": joined.ravel().tolist()}}
    else:
        data = {"ndarray": [row for value in values for row in rows_of(value["data"]["ndarray"]).tolist()]}
    return values[0] | {"data": {"names": first.get("names", []), **data}}


def rows_of(value: Any) -> Any:
    """Return a line's array; raises ValueError unless it has one row."""
    rows = np.array(value)
    if rows.ndim < 1 or len(rows) != 1:
        raise ValueError(f"a line of a batch needs one row, and one has shape {list(rows.shape)}")
    return rows


def split(response: Json, lines: list[Line], identity: str) -> list[Json]:
    """Return one answer for each line; raises SeldonClientException unless there are as many rows."""
    data, meta = response.get("data") or {}, response.get("meta") or {}
    rows: Any = data.get("ndarray") or []
    if "tensor" in data:
        rows = np.reshape(data["tensor"]["values"], data["tensor"]["shape"])
    if len(rows) != len(lines):
        raise SeldonClientException(f"{len(lines)} rows were asked for, and {len(rows)} came back")
    return [one_of(response, data, meta, (rows[place], f"{identity}-item-{place}", line))
            for place, line in enumerate(lines)]  # fmt: skip


def one_of(response: Json, data: Json, meta: Json, part: tuple[Any, str, Line]) -> Json:
    """Return the answer for one line of a batch."""
    row, identity, line = part
    tags = (meta.get("tags") or {}) | {"batch_instance_id": identity, "batch_index": line.index}
    if "tensor" in data:
        flat = np.asarray(row)
        own: Json = {"tensor": {"shape": [1, *flat.shape], "values": flat.ravel().tolist()}}
    else:
        own = {"ndarray": [row]}
    return response | {"data": {"names": data.get("names", []), **own}, "meta": meta | {"tags": tags}}


def read_lines(source: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of a file; raises SeldonClientException for one that is not JSON."""
    for index, text in enumerate(source):
        if not text.strip():
            continue
        try:
            yield Line(index, json.loads(text))
        except ValueError as error:
            raise SeldonClientException(f"line {index + 1} is not JSON: {error}") from error


def process_all(job: Job, source: Iterable[str], output: TextIO, workers: int) -> None:
    """Put all lines through, with as many requests under way as there are workers and no file in memory."""
    lines = read_lines(source)
    waiting: set[Future[None]] = set()
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(lines, job.batch_size)):
            waiting.add(pool.submit(job.process, batch, output))
            if len(waiting) >= 2 * workers:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in finished:
                    each.result()
        for each in waiting:
            each.result()


@click.command(context_settings={"auto_envvar_prefix": "SELDON_BATCH", "show_default": True})
@click.option("-d", "--deployment-name", required=True, help="Deployment that is asked.")
@click.option("-g", "--gateway-type", type=click.Choice(["ambassador", "istio", "seldon"]), default="istio")
@click.option("-n", "--namespace", default="default")
@click.option("-h", "--host", default="istio-ingressgateway.istio-system.svc.cluster.local:80")
@click.option("-t", "--transport", type=click.Choice(["rest", "grpc"]), default="rest")
@click.option("-a", "--data-type", type=click.Choice(["data", "json", "str", "raw"]), default="data")
@click.option("-p", "--payload-type", type=click.Choice(["ndarray", "tensor", "tftensor"]), default="ndarray")
@click.option("-w", "--workers", type=click.IntRange(min=1), default=1, help="Requests at once.")
@click.option("-r", "--retries", type=click.IntRange(min=0), default=3, help="Times that a request is tried.")
@click.option("-i", "--input-data-path", type=click.Path(path_type=Path), default=INPUT)
@click.option("-o", "--output-data-path", type=click.Path(path_type=Path), default=INPUT)
@click.option("-m", "--method", type=click.Choice(["predict", "feedback"]), default="predict")
@click.option("-l", "--log-level", default="info", help="Taken for Seldon Core's sake.")
@click.option("-b", "--benchmark", is_flag=True, help="Say how long it took.")
@click.option("-u", "--batch-id", envvar="SELDON_BATCH_ID", default=lambda: str(uuid.uuid1()))
@click.option("-s", "--batch-size", envvar="SELDON_BATCH_SIZE", type=click.IntRange(min=1), default=1)
@click.option(
    "--batch-interval", envvar="SELDON_BATCH_MIN_INTERVAL", type=click.FloatRange(min=0), default=0.0
)
@click.option("--use-ssl", is_flag=True)
@click.option("--call-credentials-token", default="")
@click.option("--ssl-verify", type=bool, default=True)
def main(**options: Any) -> None:
    """Send the lines of a file, each a JSON value, to a deployment, and write a line for each answer."""
    started = time.monotonic()
    check(options)
    job = make_job(options)
    try:
        with options["input_data_path"].open() as source, options["output_data_path"].open("w") as output:
            process_all(job, source, output, options["workers"])
    except (OSError, SeldonClientException) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    took = f" in {time.monotonic() - started:.1f} s" if options["benchmark"] else ""
    click.echo(f"{job.done} lines{took}, {job.failed} of them not answered", err=True)


def check(options: Json) -> None:
    """Refuse what cannot be done with these options."""
    if options["output_data_path"] == options["input_data_path"]:
        raise click.UsageError("--output-data-path is the file that is read; name another")
    if options["method"] == "feedback" and options["data_type"] != "raw":
        raise click.UsageError("--method feedback needs --data-type raw")
    if options["batch_size"] > 1 and (
        options["data_type"] not in ("data", "raw") or options["method"] == "feedback"
    ):
        raise click.UsageError("--batch-size above 1 needs --data-type data or raw, and --method predict")


def make_job(options: Json) -> Job:
    """Return the job of a command."""
    token = options["call_credentials_token"]
    client = SeldonClient(
        gateway=options["gateway_type"],
        transport=options["transport"],
        deployment_name=options["deployment_name"],
        namespace=options["namespace"],
        gateway_endpoint=options["host"],
        ssl=options["use_ssl"],
        channel_credentials=SeldonChannelCredentials(verify=options["ssl_verify"])
        if options["use_ssl"]
        else None,
        call_credentials=SeldonCallCredentials(token) if token else None,
    )
    return Job(
        client,
        options["batch_id"],
        options["data_type"],
        options["payload_type"],
        options["method"],
        options["retries"],
        options["batch_size"],
        options["batch_interval"],
    )


if __name__ == "__main__":
    main()
