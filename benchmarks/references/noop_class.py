"""A microservice whose class does nothing, served as `seldon-microservice` serves one."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
import uvloop

from microservice.component import load_component
from microservice.dispatch import Dispatcher
from microservice.metrics import Meter, Snapshots
from microservice.rest import RestApp
from microservice.settings import Settings
from microservice.worker import make_config


class Noop:
    """Answers the same two probabilities to everything."""

    class_names = ("a", "b")

    def predict(self, rows: Any, features_names: Any, meta: Any = None) -> Any:
        """Two numbers."""
        return np.array([[0.9, 0.1]])


async def serve(descriptor: int) -> None:
    """Serve the socket `descriptor`."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(__file__)
        settings = Settings(
            f"{here.stem}.Noop", str(here.parent), {}, "noop", log_level="ERROR", metrics_directory=folder
        )
        meter = Meter()
        dispatcher = Dispatcher(load_component(settings), settings, meter, "1")
        app = RestApp(dispatcher, settings, meter, Snapshots(Path(folder), "1"))
        server = uvicorn.Server(make_config(app, settings))
        await server.serve(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
