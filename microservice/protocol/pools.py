"""The descriptors of every service's messages, for reflection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from google.protobuf import descriptor_pool

from microservice.protocol import classify_pb2, inference_pb2, serving_pb2

# v2's, Classify's and TensorFlow's messages have pools of their own.
POOLS = tuple(each.DESCRIPTOR.pool for each in (inference_pb2, classify_pb2, serving_pb2))


class EveryPool:
    """Looks into each pool in turn."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a look-up that asks each pool."""

        def look_up(*arguments: Any) -> Any:
            for pool in POOLS:
                with contextlib.suppress(KeyError):
                    return getattr(pool, name)(*arguments)
            return getattr(descriptor_pool.Default(), name)(*arguments)

        return look_up
