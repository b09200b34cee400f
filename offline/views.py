"""/manage/runs…: list, start, show, cancel and retry runs, and read their logs."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import ScopeRefusedError
from clients.manage.audit import by
from clients.manage.base import ManageView, page_of, paged, read_body
from clients.models import Client
from clients.services import get_client
from common import clock
from common.errors import InvalidInputError
from offline import selectors, services
from offline.jobs import load_job
from offline.models import JobRun
from offline.records import day_of, read_day
from offline.serializers import (
    LogSerializer,
    NewRunSerializer,
    RunDetailSerializer,
    RunFilterSerializer,
    RunSerializer,
)

RUN = OpenApiParameter(
    "run",
    {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
    OpenApiParameter.PATH,
    description="Number of the run.",
)
OFFSET = OpenApiParameter(
    "offset", {"type": "integer", "minimum": 0}, description="Leave out this many characters of the log."
)


class RunView(ManageView):
    """What the views of runs share."""

    def run(self, number: int) -> JobRun:
        """The run, if the caller may see it; RunMissingError otherwise."""
        owner = None if self.actor.is_operator else get_client(self.actor.client)
        return services.get_run(run=number, client=owner)

    def check_may_start(self, job: str) -> None:
        """Parameters of a job may reach what is not the client's, so most are for operators."""
        if not self.actor.is_operator and not load_job(job).is_open_to_clients:
            raise ScopeRefusedError("operator")


class RunListView(RunView):
    """The runs."""

    @extend_schema(
        operation_id="list_runs",
        summary="List runs",
        tags=["runs"],
        parameters=[RunFilterSerializer, *paged()],
        responses=page_of(RunSerializer),
    )
    def get(self, request: Request) -> Response:
        """Runs newest first; a client's own token sees those of its client."""
        filters = RunFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        wanted = filters.validated_data
        owner = wanted.get("client") or self.actor.client
        client = self.client(owner) if owner else None
        return self.page(selectors.filtered_runs(client, wanted), RunSerializer)

    @extend_schema(
        operation_id="start_run",
        summary="Start a run",
        tags=["runs"],
        request=NewRunSerializer,
        responses={201: RunSerializer},
    )
    def post(self, request: Request) -> Response:
        """Has a job run as soon as a worker is free.

        Refused (409) while the same job of the same client and day waits or runs. A client's own token
        may start only jobs that are open to clients.
        """
        body = read_body(NewRunSerializer, request)
        client = self._owner(body["client"])
        self.check_may_start(body["job"])
        run = services.start_run(
            job=body["job"],
            client=client,
            day=read_day(body["day"]) if "day" in body else day_of(clock.now()) - 1,
            parameters=body["parameters"],
            by=by(request),
        )
        return Response(RunSerializer(run).data, status.HTTP_201_CREATED)

    def _owner(self, name: str | None) -> Client | None:
        named = name or self.actor.client
        return self.client(named) if named else None


class OneRunView(RunView):
    """One run."""

    @extend_schema(
        operation_id="get_run",
        summary="Show a run",
        tags=["runs"],
        parameters=[RUN],
        responses=RunDetailSerializer,
    )
    def get(self, request: Request, run: int) -> Response:
        """One run with its progress, error and result; another client's is a 404."""
        return Response(RunDetailSerializer(self.run(run)).data)


class RunCancelView(RunView):
    """A run ended."""

    @extend_schema(
        operation_id="cancel_run",
        summary="Cancel a run",
        tags=["runs"],
        parameters=[RUN],
        request=None,
        responses={200: RunSerializer},
    )
    def post(self, request: Request, run: int) -> Response:
        """Ends a run: at once when it waits, within seconds when it runs."""
        return Response(RunSerializer(services.cancel_run(run=self.run(run), by=by(request))).data)


class RunRetryView(RunView):
    """A run started again."""

    @extend_schema(
        operation_id="retry_run",
        summary="Start a finished run again",
        tags=["runs"],
        parameters=[RUN],
        request=None,
        responses={201: RunSerializer},
    )
    def post(self, request: Request, run: int) -> Response:
        """Makes a new run of the same job, client, day and parameters."""
        found = self.run(run)
        self.check_may_start(found.job)
        made = services.retry_run(run=found, by=by(request))
        return Response(RunSerializer(made).data, status.HTTP_201_CREATED)


class RunLogView(RunView):
    """The log of a run."""

    @extend_schema(
        operation_id="read_run_log",
        summary="Read a run's log",
        tags=["runs"],
        parameters=[RUN, OFFSET],
        responses=LogSerializer,
    )
    def get(self, request: Request, run: int) -> Response:
        """The last of the log (64 Ki characters are kept), or what came after `offset`."""
        text = request.query_params.get("offset", "0")
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise InvalidInputError("offset must be a whole number from 0", parameter="offset")
        found = self.run(run)
        piece = asdict(selectors.log_piece(found, int(text)))
        return Response(LogSerializer(piece | {"is_finished": found.is_finished}).data)
