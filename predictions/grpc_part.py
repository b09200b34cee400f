"""The gRPC door as a part of a worker: listens, is reflected, tells its health, and lets calls end."""

from __future__ import annotations

from typing import Final

from grpc import aio

from common.errors import UnavailableError
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_open import add_open_services
from predictions.grpc_strangers import Strangers

GRACE_SECONDS: Final = 10.0


class GrpcPart:
    """Serves `methods` at `address`; all workers listen there, and the kernel shares calls out."""

    name = "grpc"

    def __init__(self, methods: GrpcMethods, address: str, max_body_bytes: int) -> None:
        self._methods = methods
        self._address = address
        self._max_body_bytes = max_body_bytes
        self._server: aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen; UnavailableError when the address cannot be had."""
        server = aio.server(handlers=[self._methods], interceptors=[Strangers()], options=self._options())
        await add_open_services(server, self._methods.services)
        try:
            self.port = server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise UnavailableError(f"cannot listen for gRPC at {self._address}: {error}") from None
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Take no more calls and let those under way end."""
        if self._server is not None:
            await self._server.stop(GRACE_SECONDS)

    def problem(self) -> str | None:
        """None once it listens."""
        return None if self._server is not None else "it does not listen yet"

    def _options(self) -> list[tuple[str, int]]:
        return [
            ("grpc.max_receive_message_length", self._max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 1),
        ]
