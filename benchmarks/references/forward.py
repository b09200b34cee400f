"""A forward input that acknowledges everything and keeps nothing; its one argument is a listening socket."""

from __future__ import annotations

import socket
import sys
import threading

import msgpack


def acknowledge(connection: socket.socket) -> None:
    """Until the other side hangs up."""
    unpacker = msgpack.Unpacker(raw=True, max_buffer_size=1 << 28)
    with connection:
        while data := connection.recv(1 << 18):
            unpacker.feed(data)
            for _tag, _entries, option in unpacker:
                connection.sendall(msgpack.packb({"ack": option[b"chunk"]}))


def main(descriptor: int) -> None:
    """Serve for ever."""
    with socket.socket(fileno=descriptor) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=acknowledge, args=[connection], daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
