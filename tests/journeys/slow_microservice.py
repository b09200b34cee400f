"""A microservice of Seldon Server's kind that tells when a call arrives and answers it seconds later."""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ANSWER = {
    "predictions": [{"prediction": 0.9, "predictedClass": "slow", "confidence": 0.9}],
    "meta": {"modelName": "slow"},
}


class Handler(BaseHTTPRequestHandler):
    """Answers every call alike."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Tell, wait, answer."""
        Path(sys.argv[2]).touch()
        time.sleep(float(sys.argv[3]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
