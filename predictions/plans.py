"""What one client's documents and microservices come to: compiled when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from predictions.errors import AnswererMissingError, StrategyMissingError
from predictions.graph import Plan, Step, compile_plan, single_step_plan
from predictions.message_types import NO_TYPES, MessageTypes, compile_types
from predictions.prediction_log import EVERYTHING, LogPolicy, compile_policy
from predictions.records import Algorithm, MicroserviceSpec, Strategy
from predictions.registry import Table, Upstreams
from predictions.strategies import compile_document
from predictions.upstreams import MissingUpstream, Upstream
from stores.config.base import ConfigStore
from stores.config.records import Document

DEFAULT_STRATEGY: Final = "/config/default_prediction_strategy"


class ClientPlans:
    """The plans of one client, and what they were made from: they hold while those are the same objects."""

    __slots__ = (
        "_client", "_default", "_log", "_log_path", "_named", "_own", "_path", "_plan", "_policy", "_table",
        "_types", "_types_document", "_types_path",
    )  # fmt: skip

    def __init__(self, client: str) -> None:
        self._client = client
        self._path = f"/all_clients/{client}/predict_algs"
        self._log_path = f"/all_clients/{client}/predict_log"
        self._own: Document | None = None
        self._default: Document | None = None
        self._log: Document | None = None
        self._table: Table | None = None
        self._plan: Plan | None = None
        self._policy = EVERYTHING
        self._types_path = f"/all_clients/{client}/rpc"
        self._types_document: Document | None = None
        self._types = NO_TYPES
        self._named: dict[str, tuple[MicroserviceSpec, Plan]] = {}

    def plan(self, store: ConfigStore, table: Table, compile_now: CompileNow) -> Plan:
        """The plan of the strategy in force; StrategyMissingError when there is none."""
        own = store.get(self._path)
        default = None if own is not None else store.get(DEFAULT_STRATEGY)
        if self._plan is None or not (own is self._own and default is self._default and table is self._table):
            document = own or default
            if document is None:
                self._plan = None
                raise StrategyMissingError(self._client)
            self._plan = compile_now(self._client, compile_document(document), table)
            self._own, self._default, self._table = own, default, table
        return self._plan

    def has_strategy(self, store: ConfigStore) -> bool:
        """Whether a strategy is in force, whatever it is worth."""
        return store.get(self._path) is not None or store.get(DEFAULT_STRATEGY) is not None

    def named(self, name: str, spec: MicroserviceSpec | None, compiler: Compiler) -> Plan:
        """The plan that calls the microservice `name`; AnswererMissingError when there is no `spec`."""
        kept = self._named.get(name)
        if kept is not None and kept[0] != spec:
            del self._named[name]
            compiler.let_go(self._client, kept[0])
            kept = None
        if spec is None:
            raise AnswererMissingError(self._client, name)
        if kept is None:
            kept = self._named[name] = spec, compiler.compile_named(self._client, spec)
        return kept[1]

    def policy(self, store: ConfigStore) -> LogPolicy:
        """What of the client's predictions is recorded."""
        document = store.get(self._log_path)
        if document is not self._log:
            self._policy = compile_policy(document) if document is not None else EVERYTHING
            self._log = document
        return self._policy

    def types(self, store: ConfigStore) -> MessageTypes:
        """The client's own messages."""
        document = store.get(self._types_path)
        if document is not self._types_document:
            self._types = compile_types(document) if document is not None else NO_TYPES
            self._types_document = document
        return self._types


CompileNow = Callable[[str, Strategy, Table], Plan]


class Compiler:
    """Turns a strategy into a plan over the upstreams of this worker."""

    def __init__(
        self, upstreams: Upstreams, retire: Callable[[list[Upstream]], None], default: MicroserviceSpec
    ) -> None:
        self._upstreams = upstreams
        self._retire = retire
        self._default = default

    def compile(self, client: str, strategy: Strategy, table: Table) -> Plan:
        """The plan of `strategy`; upstreams that nothing of the client calls any more are retired."""
        used = set(table.values())

        def resolve(algorithm: Algorithm) -> Step:
            spec = self._at_url(algorithm) if algorithm.url else table.get(algorithm.name)
            if spec is None:
                return MissingUpstream(algorithm.name)
            used.add(spec)
            return self._upstreams.of(client, spec)

        plan = compile_plan(strategy, client, resolve, self._overall_deadline(strategy, table))
        self._retire(self._upstreams.retire(client, used))
        return plan

    def compile_named(self, client: str, spec: MicroserviceSpec) -> Plan:
        """The plan that calls the microservice of `spec` and nothing else."""
        return single_step_plan(self._upstreams.of(client, spec), client, spec.deadline_seconds)

    def let_go(self, client: str, spec: MicroserviceSpec) -> None:
        """Retire what called a microservice as it is registered no more."""
        self._retire(self._upstreams.retire_one(client, spec))

    def _at_url(self, algorithm: Algorithm) -> MicroserviceSpec:
        """Seldon's documents hold the URL themselves; what answers there speaks Seldon Server's contract."""
        default = self._default
        return MicroserviceSpec(
            algorithm.name, algorithm.url, "legacy", default.deadline_seconds, default.concurrency_limit
        )

    def _overall_deadline(self, strategy: Strategy, table: Table) -> float:
        """Time for every step of the longest branch to use up its own deadline."""
        longest = 0.0
        for variation in strategy.variations:
            specs = [table.get(algorithm.name, self._default) for algorithm in variation.algorithms]
            longest = max(longest, sum(spec.deadline_seconds for spec in specs))
        return longest
