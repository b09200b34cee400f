"""/manage/config/…: configuration documents, their history, diffs and rollback."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from clients import configuration
from clients.manage import documents
from clients.manage.audit import by
from clients.manage.base import ManageView, page_of, paged, read_body
from clients.manage.config_serializers import (
    DiffSerializer,
    DocumentSerializer,
    HistoryEntrySerializer,
    RollbackSerializer,
    SummarySerializer,
    VersionsSerializer,
)
from clients.manage.parsers import TextParser
from stores.config import diff_texts, get_store

TAG = ["configuration"]
PATH = OpenApiParameter(
    "path",
    {"type": "string", "pattern": r"^(config|all_clients)/[A-Za-z0-9_.@:-]+(/[A-Za-z0-9_.@:-]+){0,4}$"},
    OpenApiParameter.PATH,
    description="The document's path without its first slash, such as all_clients/acme/predict_algs.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^("\d{1,9}"|\*)$'},
    OpenApiParameter.HEADER,
    description="ETag of the version to replace; 412 when somebody else wrote meanwhile.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string", "enum": ["*"]},
    OpenApiParameter.HEADER,
    description="`*`: only when there is no document yet.",
)
PREFIX = OpenApiParameter("prefix", str, description="Only documents at this path and below it.")
ANY_JSON = OpenApiRequest(request={"description": "Any JSON value; kept as it was sent."})


class DocumentListView(ManageView):
    """The configuration documents."""

    @extend_schema(
        operation_id="list_documents",
        summary="List configuration documents",
        tags=TAG,
        parameters=[PREFIX, *paged()],
        responses=page_of(SummarySerializer),
    )
    def get(self, request: Request) -> Response:
        """Documents by path, without their content."""
        store = get_store()
        refused = store.refused
        found = documents.visible_documents(store, self.actor, request.query_params.get("prefix", ""))
        return self.page([documents.summarise(each, refused) for each in found], SummarySerializer)


class DocumentView(ManageView):
    """One configuration document."""

    parser_classes = (TextParser,)  # type: ignore[assignment]

    @extend_schema(
        operation_id="get_document",
        summary="Read a configuration document",
        tags=TAG,
        parameters=[PATH],
        responses=DocumentSerializer,
    )
    def get(self, request: Request, path: str) -> Response:
        """The document as it is stored at this moment; its version is the ETag."""
        document = get_store().read(documents.owned_path(self.actor, path))
        return _answer(document)

    @extend_schema(
        operation_id="put_document",
        summary="Write a configuration document",
        tags=TAG,
        parameters=[PATH, IF_MATCH, IF_NONE_MATCH],
        request=ANY_JSON,
        responses={200: DocumentSerializer},
    )
    def put(self, request: Request, path: str) -> Response:
        """Validates the body and makes it the next version, live in every process within a second."""
        canonical = documents.owned_path(self.actor, path)
        expected = _expected(request)
        text = documents.text_to_keep(canonical, str(request.data or ""))
        with documents.conflict_as_precondition():
            document = configuration.write_document(
                path=canonical, text=text, by=by(request), expected_version=expected
            )
        return _answer(document)

    @extend_schema(
        operation_id="delete_document",
        summary="Delete a configuration document",
        tags=TAG,
        parameters=[PATH, IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, path: str) -> Response:
        """Deletes the document; it stays in the history and can be rolled back."""
        canonical = documents.owned_path(self.actor, path)
        expected = _expected(request)
        with documents.conflict_as_precondition():
            configuration.delete_document(path=canonical, by=by(request), expected_version=expected)
        return Response(status=status.HTTP_204_NO_CONTENT)


class HistoryView(ManageView):
    """Who changed a document, when, and how."""

    @extend_schema(
        operation_id="list_document_history",
        summary="Read the history of a document",
        tags=TAG,
        parameters=[PATH],
        responses=HistoryEntrySerializer(many=True),
    )
    def get(self, request: Request, path: str) -> Response:
        """The last hundred changes, newest first, each with its diff."""
        entries = get_store().history(documents.owned_path(self.actor, path))
        return Response(HistoryEntrySerializer(entries, many=True).data)


class DiffView(ManageView):
    """What differs between two versions."""

    @extend_schema(
        operation_id="diff_document",
        summary="Compare two versions of a document",
        tags=TAG,
        parameters=[PATH, VersionsSerializer],
        responses=DiffSerializer,
    )
    def get(self, request: Request, path: str) -> Response:
        """A unified diff of the pretty-printed texts."""
        canonical = documents.owned_path(self.actor, path)
        versions = VersionsSerializer(data=request.query_params)
        versions.is_valid(raise_exception=True)
        before, after = versions.validated_data["before"], versions.validated_data["after"]
        texts = [get_store().version(canonical, version).after for version in (before, after)]
        names = (f"version {before}", f"version {after}")
        diff = diff_texts(canonical, texts[0], texts[1], names)
        return Response({"path": canonical, "before": before, "after": after, "diff": diff})


class RollbackView(ManageView):
    """A former version made current again."""

    @extend_schema(
        operation_id="roll_back_document",
        summary="Roll a document back",
        tags=TAG,
        parameters=[PATH, IF_MATCH],
        request=RollbackSerializer,
        responses={200: DocumentSerializer, 204: None},
    )
    def post(self, request: Request, path: str) -> Response:
        """Writes what the document was at `version` as its next version; 204 when it did not exist then."""
        canonical = documents.owned_path(self.actor, path)
        version = read_body(RollbackSerializer, request)["version"]
        with documents.conflict_as_precondition():
            document = configuration.roll_back_document(
                path=canonical, version=version, by=by(request), expected_version=_expected(request)
            )
        return _answer(document) if document else Response(status=status.HTTP_204_NO_CONTENT)


def _expected(request: Request) -> int | None:
    return documents.expected_version(request.headers.get("If-Match"), request.headers.get("If-None-Match"))


def _answer(document: Any) -> Response:
    body = DocumentSerializer(documents.describe(document, get_store().refused)).data
    return Response(body, headers={"ETag": documents.etag(document.version)})
