"""The sockets a microservice listens on, bound once by the parent and handed to its workers."""

from __future__ import annotations

import errno
import socket
import stat
from pathlib import Path

from microservice.errors import StartError

BACKLOG = 2048


def listen_tcp(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises StartError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise StartError(explain(error, host, port, option)) from error
    return bound


def reserve_tcp(host: str, port: int, option: str) -> socket.socket:
    """Return a socket that holds a port for workers, each of which listens on it with SO_REUSEPORT.

    It does not listen itself. Looked for first without sharing: another microservice's port is not joined.
    """
    looked_for = listen_tcp(host, port, option)
    found = looked_for.getsockname()[1]
    looked_for.close()
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, found))
    except OSError as error:
        bound.close()
        raise StartError(explain(error, host, found, option)) from error
    return bound


def explain(error: OSError, host: str, port: int, option: str) -> str:
    """Return what is wrong with an address and how to choose another."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another process; choose one with {option}, 0 for any"
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user; choose one above 1023 with {option}"
    return f"{host} port {port} cannot be listened on: {error}; see --host and {option}"


def listen_unix(path: Path) -> socket.socket:
    """Return a socket listening at a path, in place of one left behind; raises StartError if it is a file."""
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise StartError(f"{path} exists and is no socket; choose another with --uds")
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        bound.bind(str(path))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise StartError(f"{path} cannot be listened on: {error}; choose another with --uds") from error
    return bound


def show_place(bound: socket.socket) -> str:
    """Return host and port of a socket as gRPC writes them."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if bound.family == socket.AF_INET6 else f"{host}:{port}"


def show_address(bound: socket.socket) -> str:
    """Return the URL of a listening socket."""
    if bound.family == socket.AF_UNIX:
        return f"unix:{bound.getsockname()}"
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"
