"""A small Kubernetes API server over real HTTP: list, watch, server-side apply, status, deletion with owners.

It keeps objects as a cluster would: resource versions, generations, fields that each manager owns. It runs no
pods; a test says when a Deployment is available.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes.client import Configuration

from deploy.runtimes.kubernetes.cluster import Cluster
from deploy.runtimes.kubernetes.resources import MADE, PODS, SELDON_DEPLOYMENTS, Resource

Object = dict[str, Any]
# root, namespace, plural, name
Place = tuple[str, str, str, str]
TOKEN = "a-pod's-token"


class RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class ApiServer:
    """The state behind the addresses; all of it under one lock."""

    def __init__(self, resources: list[Resource] | None = None) -> None:
        known = resources or [*MADE.values(), SELDON_DEPLOYMENTS, PODS]
        self.known = {(each.root, each.plural) for each in known} | {("/api/v1", "events")}
        self.objects: dict[Place, Object] = {}
        self.log: list[tuple[int, str, Place, Object]] = []
        self.calls: list[tuple[str, str]] = []
        # By pod and container: lines with the nanosecond in which they were written.
        self.written: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self.oldest = 0
        self.version = 100
        self.watches = 0
        self.epoch = 0
        self.changed = threading.Condition()

    # -- what a test does --------------------------------------------------------------------------

    def put(self, made: Object, resource: Resource = SELDON_DEPLOYMENTS) -> Object:
        """As `kubectl apply` of a person."""
        metadata = made["metadata"]
        place = (resource.root, metadata.setdefault("namespace", "acme"), resource.plural, metadata["name"])
        return self.apply(place, made, "kubectl", "")

    def get(self, kind: str, name: str, namespace: str = "acme") -> Object | None:
        resource = {**MADE, "SeldonDeployment": SELDON_DEPLOYMENTS}[kind]
        with self.changed:
            return copy.deepcopy(self.objects.get((resource.root, namespace, resource.plural, name)))

    def names(self, kind: str) -> list[str]:
        with self.changed:
            return sorted(place[3] for place in self.objects if place[2] == MADE[kind].plural)

    def reasons(self) -> list[str]:
        with self.changed:
            return [each["reason"] for place, each in self.objects.items() if place[2] == "events"]

    def run_pods(self, *names: str, available: int | None = None) -> None:
        """Says that the pods of these Deployments (of all) are of today's form and available."""
        resource = MADE["Deployment"]
        for place in [
            each
            for each in list(self.objects)
            if each[2] == resource.plural and each[3] in (names or (each[3],))
        ]:
            made = self.objects[place]
            count = made["spec"].get("replicas", 1)
            status = {
                "observedGeneration": made["metadata"]["generation"],
                "replicas": count,
                "updatedReplicas": count,
                "availableReplicas": count if available is None else available,
            }
            self.apply(place, {"status": status}, "kubelet", "status")

    def start_pods(self, namespace: str = "acme") -> list[str]:
        """A pod of each Deployment; their names."""
        resource = MADE["Deployment"]
        made = [
            each
            for at, each in sorted(self.objects.items())
            if (at[1], at[2]) == (namespace, resource.plural)
        ]
        for each in made:
            template, name = each["spec"]["template"], f"{each['metadata']['name']}-x"
            metadata = {"name": name, "namespace": namespace, "labels": template["metadata"]["labels"]}
            self.put({"metadata": metadata, "spec": template["spec"]}, PODS)
        return [f"{each['metadata']['name']}-x" for each in made]

    def write(self, pod: str, container: str, *lines: str) -> None:
        """What the container writes now."""
        with self.changed:
            written = self.written.setdefault((pod, container), [])
            written += [(time.time_ns(), line) for line in lines]

    def forget_history(self) -> None:
        """Watches from former versions are refused from now on, and those under way end."""
        with self.changed:
            self.oldest = self.version + 1
            self.log.clear()
            self.version += 1
            self.epoch += 1
            self.changed.notify_all()

    def wait_for(self, is_true: Any, seconds: float = 60) -> None:
        """Waits until a condition over the objects holds."""
        with self.changed:
            assert self.changed.wait_for(is_true, seconds), "it did not happen"

    # -- what calls do -----------------------------------------------------------------------------

    def apply(self, place: Place, made: Object, manager: str, subresource: str) -> Object:
        with self.changed:
            before = self.objects.get(place)
            if before is None and subresource:
                raise RefusedError(404, f"{place[2]} {place[3]!r} not found")
            now = copy.deepcopy(before) if before else _new(made, place, self.version)
            owned = now["managed"].setdefault(f"{manager}/{subresource}", {})
            wanted = {"status": made.get("status", {})} if subresource else _without(made, "status")
            _remove(now, owned, wanted)
            _merge(now, wanted)
            now["managed"][f"{manager}/{subresource}"] = copy.deepcopy(wanted)
            if before is not None and _plain(before) == _plain(now):
                return self.shown(before)
            if before is not None and before.get("spec") != now.get("spec"):
                now["metadata"]["generation"] += 1
            return self._keep(place, now, "ADDED" if before is None else "MODIFIED")

    def _keep(self, place: Place, now: Object, what: str) -> Object:
        self.version += 1
        now["metadata"]["resourceVersion"] = str(self.version)
        self.objects[place] = now
        self.log.append((self.version, what, place, self.shown(now)))
        self.changed.notify_all()
        return self.shown(now)

    def delete(self, place: Place) -> Object:
        with self.changed:
            gone = self.objects.pop(place, None)
            if gone is None:
                raise RefusedError(404, f"{place[2]} {place[3]!r} not found")
            self.version += 1
            self.log.append((self.version, "DELETED", place, self.shown(gone)))
            uid = gone["metadata"]["uid"]
            for other, made in list(self.objects.items()):
                if any(owner["uid"] == uid for owner in made["metadata"].get("ownerReferences", ())):
                    self.delete(other)
            self.changed.notify_all()
            return self.shown(gone)

    def create(self, place: Place, made: Object) -> Object:
        with self.changed:
            name = f"{made['metadata'].get('generateName', '')}{self.version}"
            return self._keep(
                (*place[:3], name), _new(made, (*place[:3], name), self.version) | made, "ADDED"
            )

    def listed(self, place: Place, labels: dict[str, str]) -> Object:
        with self.changed:
            items = [
                self.shown(each)
                for at, each in sorted(self.objects.items())
                if _fits(at, each, place, labels)
            ]
            return {"items": items, "metadata": {"resourceVersion": str(self.version)}}

    def follow(self, place: Place, labels: dict[str, str], since: int, seconds: float) -> Iterator[Object]:
        """Events after `since`, as they come, for so many seconds."""
        until = time.monotonic() + seconds
        with self.changed:
            self.watches += 1
            self.changed.notify_all()
            epoch = self.epoch
        if since < self.oldest:
            yield {"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}
            return
        while time.monotonic() < until:
            with self.changed:
                new = [
                    each for each in self.log if each[0] > since and _fits(each[2], each[3], place, labels)
                ]
                if not new and epoch == self.epoch:
                    self.changed.wait(min(1.0, until - time.monotonic()))
                ended = epoch != self.epoch
            for version, what, _, made in new:
                since = version
                yield {"type": what, "object": made}
            if ended:
                return

    def log_text(self, place: Place, query: dict[str, str]) -> str:
        """As a kubelet gives it: from its own clock, with times whose zeros are left out."""
        with self.changed:
            if place not in self.objects:
                raise RefusedError(404, f"pods {place[3]!r} not found")
            container = query["container"]
            if (place[3], container) not in self.written:
                raise RefusedError(400, f'container "{container}" in pod "{place[3]}" is waiting to start')
            found = list(self.written[place[3], container])
        if "sinceSeconds" in query:
            found = [each for each in found if each[0] >= time.time_ns() - int(query["sinceSeconds"]) * 10**9]
        if "tailLines" in query:
            found = found[-int(query["tailLines"]) :]
        return "".join(
            f"{_stamp(at)} {line}\n" if query.get("timestamps") == "true" else f"{line}\n"
            for at, line in found
        )

    @staticmethod
    def shown(made: Object) -> Object:
        """As it is answered: without what this server keeps for itself."""
        return copy.deepcopy(_without(made, "managed"))


def _stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}{fraction}Z"


def _new(made: Object, place: Place, version: int) -> Object:
    metadata = {"name": place[3], "namespace": place[1], "uid": f"uid-{version}", "generation": 1}
    return {
        "apiVersion": made.get("apiVersion"),
        "kind": made.get("kind"),
        "metadata": metadata,
        "managed": {},
    }


def _without(made: Object, key: str) -> Object:
    return {name: value for name, value in made.items() if name != key}


def _plain(made: Object) -> Object:
    return _without(made, "managed")


def _remove(now: Object, owned: Object, wanted: Object) -> None:
    """Takes away what a manager said before and says no more."""
    for key, value in owned.items():
        if key not in wanted:
            now.pop(key, None)
        elif isinstance(value, dict) and isinstance(wanted[key], dict) and isinstance(now.get(key), dict):
            _remove(now[key], value, wanted[key])


def _merge(now: Object, wanted: Object) -> None:
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(now.get(key), dict):
            _merge(now[key], value)
        else:
            now[key] = copy.deepcopy(value)


def _fits(at: Place, made: Object, place: Place, labels: dict[str, str]) -> bool:
    same = at[0] == place[0] and at[2] == place[2] and place[1] in ("", at[1])
    return same and labels.items() <= made["metadata"].get("labels", {}).items()


# -- HTTP ------------------------------------------------------------------------------------------


def place_of(path: str) -> tuple[Place, str]:
    """Where an address points, and its subresource."""
    words = path.strip("/").split("/")
    length = 2 if words[0] == "api" else 3
    root, rest = "/" + "/".join(words[:length]), words[length:]
    namespace = ""
    if rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    return (root, namespace, plural, name), subresource


class Handler(BaseHTTPRequestHandler):
    """Answers for the server that a subclass names."""

    server_state: ApiServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        self.server_state.calls.append((self.command, parts.path))
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise RefusedError(401, "Unauthorized")
            place, subresource = place_of(parts.path)
            if (place[0], place[2]) not in self.server_state.known:
                raise RefusedError(404, "the server could not find the requested resource")
            if query.get("watch") == "true":
                self._stream(place, query)
                return
            if subresource == "log":
                self._reply_text(200, self.server_state.log_text(place, query).encode(), "text/plain")
                return
            self._reply(200, self._do(place, subresource, query, body))
        except RefusedError as refusal:
            self._reply(refusal.status, {"kind": "Status", "message": refusal.message})

    do_GET = do_PATCH = do_POST = do_DELETE = _answer  # noqa: N815

    def _do(self, place: Place, subresource: str, query: dict[str, str], body: Object) -> Object:
        if self.command == "GET":
            return self.server_state.listed(place, _labels(query))
        if self.command == "POST":
            return self.server_state.create(place, body)
        if self.command == "DELETE":
            return self.server_state.delete(place)
        if self.headers["Content-Type"] != "application/apply-patch+yaml":
            raise RefusedError(415, "only server-side apply")
        return self.server_state.apply(place, body, query["fieldManager"], subresource)

    def _reply(self, status: int, answer: Object) -> None:
        self._reply_text(status, json.dumps(answer).encode(), "application/json")

    def _reply_text(self, status: int, text: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, place: Place, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = self.server_state.follow(
            place, _labels(query), int(query["resourceVersion"]), float(query["timeoutSeconds"])
        )
        try:
            for event in events:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def _labels(query: dict[str, str]) -> dict[str, str]:
    pairs = (each.partition("=") for each in query.get("labelSelector", "").split(",") if each)
    return {key: value for key, _, value in pairs}


@contextmanager
def running(server: ApiServer) -> Iterator[Cluster]:
    """A cluster that talks to the server over HTTP."""
    with serving_on(server) as port:
        yield cluster_at(port)


@contextmanager
def serving_on(server: ApiServer) -> Iterator[int]:
    """Serves on a free port, and gives its number."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"server_state": server}))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield http.server_address[1]
    finally:
        server.forget_history()
        http.shutdown()
        http.server_close()
        thread.join()


def cluster_at(port: int) -> Cluster:
    configuration = Configuration(host=f"http://127.0.0.1:{port}")
    configuration.api_key = {"authorization": f"Bearer {TOKEN}"}
    return Cluster(configuration)
