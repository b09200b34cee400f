"""/manage/deployments…: apply, list, scale, promote, roll back and delete deployments, read their logs."""

from __future__ import annotations

from dataclasses import asdict

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import ScopeRefusedError
from clients.manage.audit import by
from clients.manage.base import ManageView, page_of, paged, read_body
from clients.manage.parsers import TextParser
from clients.manage.views import CLIENT
from deploy import services
from deploy.errors import NamespaceUnclearError, NotOneManifestError
from deploy.figures import figures_of
from deploy.logs import logs_of
from deploy.manifests import Manifest, read_manifests
from deploy.models import SeldonDeployment
from deploy.serializers import (
    AppliedSerializer,
    DeploymentFilterSerializer,
    DeploymentRollbackSerializer,
    DeploymentSerializer,
    FiguresFilterSerializer,
    FiguresSerializer,
    GenerationSerializer,
    LogFilterSerializer,
    ProcessLogSerializer,
    PromotionSerializer,
    ScaleSerializer,
)
from deploy.services import CREATED, Applied

NAME = OpenApiParameter(
    "name",
    {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"},
    OpenApiParameter.PATH,
    description="Name of the deployment.",
)
DRY_RUN = OpenApiParameter("dry_run", bool, description="Check everything and change nothing.")
MANIFEST = {"application/json": {"type": "object"}, "application/yaml": {"type": "string"}}


class YamlParser(TextParser):
    """A manifest in YAML, as text."""

    media_type = "application/yaml"


class DeploymentView(ManageView):
    """What the views of deployments share."""

    def row(self, client: str, name: str) -> SeldonDeployment:
        """The deployment, if the caller may see it; another client's is not found."""
        return services.get_deployment(client=self.client(client), name=name)

    def check_may_change(self) -> None:
        """Models run as the user of this machine, so whose models run there is the operator's to say."""
        if not self.actor.is_operator and not settings.DEPLOYMENTS_OPEN_TO_CLIENTS:
            raise ScopeRefusedError("operator")


class ManifestView(DeploymentView):
    """Views whose bodies are manifests."""

    parser_classes = (TextParser, YamlParser)  # type: ignore[assignment]

    def manifest(self, request: Request) -> Manifest:
        """The one manifest of the body."""
        found = read_manifests(str(request.data or ""))
        if len(found) != 1:
            raise NotOneManifestError(len(found))
        return found[0]

    def apply(self, request: Request, client: str, manifest: Manifest) -> Response:
        """Apply it, or only check it with `dry_run`."""
        owner = self.client(client)
        self.check_may_change()
        if request.query_params.get("dry_run", "").lower() in ("1", "true"):
            return _answer(services.check_deployment(client=owner, manifest=manifest))
        return _answer(services.apply_deployment(client=owner, manifest=manifest, by=by(request)))


class DeploymentListView(ManifestView):
    """The deployments."""

    @extend_schema(
        operation_id="list_deployments",
        summary="List deployments",
        tags=["deployments"],
        parameters=[DeploymentFilterSerializer, *paged()],
        responses=page_of(DeploymentSerializer),
    )
    def get(self, request: Request) -> Response:
        """Deployments by client and name; a client's own token sees those of its client."""
        filters = DeploymentFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        owner = filters.validated_data.get("client") or self.actor.client
        rows = SeldonDeployment.objects.for_all_clients()
        if owner:
            rows = SeldonDeployment.objects.for_client(self.client(owner))
        return self.page(rows.select_related("client"), DeploymentSerializer)

    @extend_schema(
        operation_id="apply_deployment",
        summary="Apply a manifest",
        tags=["deployments"],
        parameters=[DRY_RUN],
        request=MANIFEST,
        responses={200: AppliedSerializer, 201: AppliedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Makes or changes the deployment that a SeldonDeployment describes, in JSON or YAML.

        Its namespace says whose it is; without one it is the client's whose token is used. Every mistake is
        told at once (422). Unless DEPLOYMENTS_OPEN_TO_CLIENTS is set only operators may.
        """
        manifest = self.manifest(request)
        namespace = manifest.metadata.namespace or self.actor.client
        if not namespace:
            raise NamespaceUnclearError("the manifest has no metadata.namespace, which says whose it is")
        return self.apply(request, namespace, manifest)


class OneDeploymentView(ManifestView):
    """One deployment."""

    @extend_schema(
        operation_id="get_deployment",
        summary="Show a deployment",
        tags=["deployments"],
        parameters=[CLIENT, NAME],
        responses=DeploymentSerializer,
    )
    def get(self, request: Request, client: str, name: str) -> Response:
        """Its manifest and how each of its units does; another client's is a 404."""
        return Response(DeploymentSerializer(self.row(client, name)).data)

    @extend_schema(
        operation_id="put_deployment",
        summary="Replace a deployment's manifest",
        tags=["deployments"],
        parameters=[CLIENT, NAME, DRY_RUN],
        request=MANIFEST,
        responses={200: AppliedSerializer, 201: AppliedSerializer},
    )
    def put(self, request: Request, client: str, name: str) -> Response:
        """Makes or changes it; calls under way are finished by what they reached."""
        self.client(client)
        manifest = self.manifest(request)
        if (manifest.metadata.namespace or client, manifest.name) != (client, name):
            raise NamespaceUnclearError(f"the manifest is not for {name} of {client}, as the address says")
        return self.apply(request, client, manifest)

    @extend_schema(
        operation_id="delete_deployment",
        summary="Delete a deployment",
        tags=["deployments"],
        parameters=[CLIENT, NAME],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, client: str, name: str) -> Response:
        """No new calls from now on; its processes are stopped when they have finished theirs."""
        services.delete_deployment(client=self.client(client), name=name, by=by(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeploymentScaleView(DeploymentView):
    """How many processes there are."""

    @extend_schema(
        operation_id="scale_deployment",
        summary="Scale a deployment",
        tags=["deployments"],
        parameters=[CLIENT, NAME],
        request=ScaleSerializer,
        responses=AppliedSerializer,
    )
    def post(self, request: Request, client: str, name: str) -> Response:
        """Sets the replicas of everything, or of one predictor."""
        row = self.row(client, name)
        body = read_body(ScaleSerializer, request)
        self.check_may_change()
        done = services.scale_deployment(client=row.client, name=name, by=by(request), **body)
        return _answer(done)


class DeploymentPromoteView(DeploymentView):
    """Which predictor gets the traffic."""

    @extend_schema(
        operation_id="promote_predictor",
        summary="Give a predictor the traffic",
        tags=["deployments"],
        parameters=[CLIENT, NAME],
        request=PromotionSerializer,
        responses=AppliedSerializer,
    )
    def post(self, request: Request, client: str, name: str) -> Response:
        """All of it, or some percent; the others share the rest as they did before."""
        row = self.row(client, name)
        body = read_body(PromotionSerializer, request)
        self.check_may_change()
        return _answer(services.promote_predictor(client=row.client, name=name, by=by(request), **body))


class DeploymentRollbackView(DeploymentView):
    """Back to what it was."""

    @extend_schema(
        operation_id="rollback_deployment",
        summary="Roll a deployment back",
        tags=["deployments"],
        parameters=[CLIENT, NAME],
        request=DeploymentRollbackSerializer,
        responses=AppliedSerializer,
    )
    def post(self, request: Request, client: str, name: str) -> Response:
        """Makes a former generation the next one."""
        row = self.row(client, name)
        body = read_body(DeploymentRollbackSerializer, request)
        self.check_may_change()
        return _answer(services.rollback_deployment(client=row.client, name=name, by=by(request), **body))


class DeploymentHistoryView(DeploymentView):
    """What was done to a deployment."""

    @extend_schema(
        operation_id="list_generations",
        summary="List what a deployment was",
        tags=["deployments"],
        parameters=[CLIENT, NAME, *paged()],
        responses=page_of(GenerationSerializer),
    )
    def get(self, request: Request, client: str, name: str) -> Response:
        """Its generations, newest first; 50 are kept."""
        return self.page(self.row(client, name).generations.all(), GenerationSerializer)


class DeploymentFiguresView(DeploymentView):
    """How a deployment did lately."""

    @extend_schema(
        operation_id="get_deployment_figures",
        summary="Show how a deployment did lately",
        tags=["deployments"],
        parameters=[CLIENT, NAME, FiguresFilterSerializer],
        responses=FiguresSerializer,
    )
    def get(self, request: Request, client: str, name: str) -> Response:
        """Calls, failures and latency of predictors and units; what routers chose and were rewarded with."""
        row = self.row(client, name)
        filters = FiguresFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        return Response(FiguresSerializer(figures_of(row, filters.validated_data["minutes"])).data)


class DeploymentLogView(DeploymentView):
    """What a deployment's processes wrote."""

    @extend_schema(
        operation_id="read_deployment_log",
        summary="Read the logs of a deployment",
        tags=["deployments"],
        parameters=[CLIENT, NAME, LogFilterSerializer],
        responses=ProcessLogSerializer(many=True),
    )
    def get(self, request: Request, client: str, name: str) -> Response:
        """The last lines of each process: on this machine, or of each container of its pods."""
        row = self.row(client, name)
        filters = LogFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        wanted = dict(filters.validated_data)
        count = wanted.pop("lines")
        found = logs_of(row, **wanted)
        return Response([{"process": log.title, "lines": log.tail(count).lines} for log in found])


def _answer(done: Applied) -> Response:
    code = status.HTTP_201_CREATED if done.change == CREATED else status.HTTP_200_OK
    return Response(AppliedSerializer(asdict(done)).data, code)
