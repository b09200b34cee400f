"""Classes as model authors write them, for the tests of the microservice."""

from __future__ import annotations

SUM_MODEL = """
    import numpy as np

    class SumModel:
        def __init__(self, offset=0):
            self.offset = offset
        def load(self):
            self.calls = 0
        def predict(self, X, features_names, meta=None):
            self.calls += 1
            return np.asarray(X, dtype=float).sum(axis=1, keepdims=True) + self.offset
        def class_names(self):
            return ["sum"]
        def tags(self):
            return {"calls": self.calls}
        def metrics(self):
            return [{"type": "COUNTER", "key": "sums", "value": 1}]
        def send_feedback(self, features, feature_names, reward, truth, routing=None):
            return {"got": [reward, truth.tolist(), routing]}
"""

TEXT_MODEL = """
    class TextModel:
        def predict(self, X, features_names, meta=None):
            return X[::-1]
"""

SLOW_MODEL = """
    import os, pathlib, time

    class SlowModel:
        def predict(self, X, features_names, meta=None):
            started = pathlib.Path("started")
            started.write_text(str(os.getpid()))
            until = time.monotonic() + 20
            while not pathlib.Path("go").exists() and time.monotonic() < until:
                time.sleep(0.01)
            return X
"""

ERROR_MODEL = """
    import sys
    import numpy as np
    from microservice import MicroserviceError

    class ErrorModel:
        def predict(self, X, features_names, meta=None):
            return getattr(self, X)()
        def boom(self):
            raise ValueError("boom")
        def refuse(self):
            raise MicroserviceError("bad custom", status_code=422, reason="MY_REASON")
        def leave(self):
            sys.exit(3)
        def nothing(self):
            return None
        def nan(self):
            return np.array([[1.0, float("nan")]])
        def ragged(self):
            return [[1], [2, 3]]
        def fine(self):
            return "fine"
"""
