"""The wire forms that callers and microservices speak: bytes <-> documents <-> one neutral message."""
