"""Seldon Core's own units, which run here instead of in a process of their own."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import orjson

from predictions.errors import CombinerError
from predictions.graphs.message import Message, read_message
from predictions.graphs.serving import Unit
from predictions.graphs.walk import Walk
from predictions.protocols.base import Document, object_in
from predictions.protocols.tables import is_number
from predictions.traffic import point_of


class BuiltIn:
    """A unit without a process: each does one of these."""

    does: ClassVar[frozenset[str]] = frozenset()

    def predict(self, message: Message) -> Message:
        """The answer to `message`."""
        raise NotImplementedError

    def route(self, unit: Unit, walk: Walk) -> int:
        """The child that is to answer."""
        raise NotImplementedError

    def aggregate(self, label: str, messages: list[Message]) -> Message:
        """One message of those of the children."""
        raise NotImplementedError


class SimpleModel(BuiltIn):
    """Three classes with the same scores for everybody; text and bytes come back as they are."""

    does: ClassVar[frozenset[str]] = frozenset({"TRANSFORM_INPUT"})
    _metrics: ClassVar[list[dict[str, Any]]] = [
        {"key": "mymetric_counter", "type": "COUNTER", "value": 1.0},
        {"key": "mymetric_gauge", "type": "GAUGE", "value": 100.0},
        {"key": "mymetric_timer", "type": "TIMER", "value": 22.1},
    ]

    def predict(self, message: Message) -> Message:
        answer: Document = {"status": {"status": "SUCCESS"}, "meta": {"metrics": self._metrics}}
        asked = orjson.loads(message.body)
        echoed = {key: asked[key] for key in ("strData", "binData") if key in asked}
        answer |= echoed or {
            "data": {
                "names": ["class0", "class1", "class2"],
                "tensor": {"shape": [1, 3], "values": [0.1, 0.9, 0.5]},
            }
        }
        return Message(orjson.dumps(answer), answer["meta"])


class SimpleRouter(BuiltIn):
    """Always the first child."""

    does: ClassVar[frozenset[str]] = frozenset({"ROUTE"})

    def route(self, unit: Unit, walk: Walk) -> int:
        return 0


class RandomAbTest(BuiltIn):
    """Child 0 for the share `ratioA` of the puids, child 1 for the others: equal puids get the same."""

    does: ClassVar[frozenset[str]] = frozenset({"ROUTE"})

    def route(self, unit: Unit, walk: Walk) -> int:
        ratio = float(unit.parameter("ratioA", "0.5"))
        return 0 if point_of(walk.puid, f"abtest:{walk.client}:{unit.name}") < ratio else 1


class AverageCombiner(BuiltIn):
    """The mean of the children's tables, cell by cell, in the form of the first child."""

    does: ClassVar[frozenset[str]] = frozenset({"AGGREGATE"})

    def aggregate(self, label: str, messages: list[Message]) -> Message:
        documents = [orjson.loads(message.exact(f"unit {label}")) for message in messages]
        tables = [_rows(label, document) for document in documents]
        _check_shapes(label, tables)
        rows = [
            [sum(cells) / len(tables) for cells in zip(*lines, strict=True)]
            for lines in zip(*tables, strict=True)
        ]
        first = documents[0]
        data = dict(first["data"])
        if "tensor" in data:
            values = [value for row in rows for value in row]
            data["tensor"] = {"shape": [len(rows), len(rows[0]) if rows else 0], "values": values}
        else:
            data["ndarray"] = rows
        # The metrics of all children are counted where they are merged.
        meta = {key: value for key, value in object_in(first, "meta").items() if key != "metrics"}
        return read_message(orjson.dumps({**first, "data": data, "meta": meta}))


BUILT_INS: Final[dict[str, BuiltIn]] = {
    "SIMPLE_MODEL": SimpleModel(),
    "SIMPLE_ROUTER": SimpleRouter(),
    "RANDOM_ABTEST": RandomAbTest(),
    "AVERAGE_COMBINER": AverageCombiner(),
}


def _rows(label: str, document: Document) -> list[list[float]]:
    data = object_in(document, "data")
    tensor = object_in(data, "tensor")
    if tensor:
        return _tensor_rows(label, tensor)
    rows = data.get("ndarray")
    if not isinstance(rows, list):
        raise CombinerError(label, "Combiner cannot extract data shape")
    if not all(isinstance(row, list) and all(is_number(cell) for cell in row) for row in rows):
        raise CombinerError(label, "Combiner received data that is not 2 dimensional")
    return rows


def _tensor_rows(label: str, tensor: Document) -> list[list[float]]:
    shape, values = tensor.get("shape"), tensor.get("values")
    if not (
        isinstance(shape, list) and isinstance(values, list) and all(is_number(value) for value in values)
    ):
        raise CombinerError(label, "Combiner cannot extract data shape")
    if len(shape) != 2 or shape[0] * shape[1] != len(values):
        raise CombinerError(label, "Combiner received data that is not 2 dimensional")
    width = shape[1]
    return [values[index * width : (index + 1) * width] for index in range(shape[0])]


def _check_shapes(label: str, tables: list[list[list[float]]]) -> None:
    first = tables[0]
    for table in tables:
        if len(table) != len(first):
            raise CombinerError(label, f"Expected batch length {len(first)} but found {len(table)}")
        for row in table:
            if len(row) != len(first[0]):
                raise CombinerError(label, f"Expected value length {len(first[0])} but found {len(row)}")
