"""A cluster through the official Python client: apply, list, delete, watch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration, CoreV1Api
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from deploy.runtimes.kubernetes.errors import ClusterRefusedError, ClusterUnreachableError
from deploy.runtimes.kubernetes.resources import Resource, path_in, path_of

Object = dict[str, Any]

MANAGER: Final = "seldon-api"
_TIMEOUT: Final = (5, 30)
_WATCH_SECONDS: Final = 240
_APPLY: Final = "application/apply-patch+yaml"
_GONE: Final = 410


def connect() -> Cluster:
    """The cluster that this pod runs in, else the one that kubectl talks to; ClusterUnreachableError else."""
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        try:
            load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise ClusterUnreachableError(
                f"neither a pod's account nor a kubeconfig is here ({error})"
            ) from error
    return Cluster(configuration)


class Cluster:
    """Calls one API server; may be used from several threads."""

    def __init__(self, configuration: Configuration) -> None:
        configuration.retries = False
        self._api = ApiClient(configuration)

    def apply(self, made: Object) -> Object:
        """Makes the object what `made` says by server-side apply, and gives back what is there now.

        Fields that others set (an autoscaler's replicas) stay theirs; those that were ours and are no longer
        named go.
        """
        return self._call("PATCH", path_of(made), what=f"apply {_name(made)}", body=made, **_ours())

    def apply_status(self, made: Object) -> Object:
        """The same for the status alone."""
        path = f"{path_of(made)}/status"
        return self._call("PATCH", path, what=f"write the status of {_name(made)}", body=made, **_ours())

    def objects(self, resource: Resource, namespace: str = "", selector: str = "") -> Object:
        """A list of objects with its resourceVersion; an empty one when the cluster has no such kind."""
        query = [("labelSelector", selector)] if selector else []
        try:
            return self._call(
                "GET", path_in(resource, namespace), what=f"list {resource.plural}", query=query
            )
        except ClusterRefusedError as error:
            if error.http_status == 404:
                return {"items": [], "metadata": {}}
            raise

    def delete(self, made: Object) -> None:
        """Deletes the object; one that is gone already is fine."""
        try:
            self._call(
                "DELETE",
                path_of(made),
                what=f"delete {_name(made)}",
                query=[("propagationPolicy", "Background")],
            )
        except ClusterRefusedError as error:
            if error.http_status != 404:
                raise

    def emit(self, event: Object) -> None:
        """Writes a Kubernetes Event."""
        path = f"/api/v1/namespaces/{event['metadata']['namespace']}/events"
        self._call("POST", path, what="write an event", body=event)

    def pod_log(self, namespace: str, pod: str, container: str, **how: Any) -> str:
        """What a container of a pod wrote; `how` is read_namespaced_pod_log's."""
        what = f"read the log of {pod}/{container}"
        try:
            # Not as the client would read it: a log that is JSON would be another text.
            reply: Any = CoreV1Api(self._api).read_namespaced_pod_log(
                pod, namespace, container=container, _preload_content=False, _request_timeout=_TIMEOUT, **how
            )
            self._check(reply, what, reply)
            return bytes(reply.data).decode("utf-8", "replace")
        except ApiException as error:
            raise ClusterRefusedError(what, error.status, _reason(error.body, error.status)) from error
        except urllib3.exceptions.HTTPError as error:
            raise ClusterUnreachableError(str(error)) from error

    def watch(self, resource: Resource, namespace: str, version: str, selector: str = "") -> Iterator[Object]:
        """Changes since `version` ({"type", "object"}) until the server ends the stream.

        ClusterRefusedError with status 410 when `version` is too old: list again.
        """
        query = [("watch", "true"), ("resourceVersion", version), ("timeoutSeconds", str(_WATCH_SECONDS))]
        query += [("allowWatchBookmarks", "true"), *([("labelSelector", selector)] if selector else [])]
        reply = self._request(
            "GET", path_in(resource, namespace), query=query, timeout=(5, _WATCH_SECONDS + 30)
        )
        try:
            self._check(reply, f"watch {resource.plural}", reply.response)
            for line in _lines(reply.response):
                event = json.loads(line)
                if event.get("type") == "ERROR":
                    told = event.get("object", {})
                    raise ClusterRefusedError(
                        f"watch {resource.plural}", told.get("code", _GONE), str(told.get("message"))
                    )
                yield event
        except urllib3.exceptions.HTTPError as error:
            raise ClusterUnreachableError(str(error)) from error
        finally:
            reply.response.close()

    # -- calls -------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, *, what: str, **how: Any) -> Object:
        reply = self._request(method, path, **how)
        self._check(reply, what, reply.response)
        answer: Object = json.loads(reply.read() or b"{}")
        return answer

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        timeout: tuple[float, float] = _TIMEOUT,
    ) -> Any:
        headers = {
            "Accept": "application/json",
            **({"Content-Type": content_type} if body is not None else {}),
        }
        request = self._api.param_serialize(
            method=method,
            resource_path=path,
            query_params=query or [],
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            return self._api.call_api(*request, _request_timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise ClusterUnreachableError(str(error)) from error

    @staticmethod
    def _check(reply: Any, what: str, response: Any) -> None:
        if 200 <= reply.status < 300:
            return
        raise ClusterRefusedError(what, reply.status, _reason(response.read(), reply.status))


def _reason(text: Any, status: int) -> str:
    """Why the server refused, in its own words."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"


def _ours() -> dict[str, Any]:
    """How server-side apply is asked for: ours goes before what others said of the same field."""
    return {"content_type": _APPLY, "query": [("fieldManager", MANAGER), ("force", "true")]}


def _name(made: Object) -> str:
    return f"{made['kind']} {made['metadata']['namespace']}/{made['metadata']['name']}"


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of an endless answer, as they come."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
