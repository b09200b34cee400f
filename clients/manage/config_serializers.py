"""The JSON forms of configuration documents."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MAX_VERSION = 2**31 - 1


class SummarySerializer(serializers.Serializer[Any]):
    """A document without its content."""

    path = serializers.CharField()
    version = serializers.IntegerField()
    author = serializers.CharField()
    updated_at = serializers.DateTimeField()
    refused = serializers.CharField(
        allow_null=True,
        help_text="Why what another tool wrote since is not in force: this is the last good version then.",
    )


class DocumentSerializer(SummarySerializer):
    """A document with its value, and the text it was written as."""

    value = serializers.JSONField(help_text="Any JSON value.")
    text = serializers.CharField()


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """One change; `after` null means deleted, `before` null created."""

    version = serializers.IntegerField()
    author = serializers.CharField()
    at = serializers.DateTimeField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    diff = serializers.CharField()


class VersionsSerializer(serializers.Serializer[Any]):
    """The two versions to compare."""

    before = serializers.IntegerField(min_value=1, max_value=MAX_VERSION)
    after = serializers.IntegerField(min_value=1, max_value=MAX_VERSION)


class DiffSerializer(serializers.Serializer[Any]):
    """A unified diff between two versions."""

    path = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    diff = serializers.CharField(allow_blank=True)


class RollbackSerializer(serializers.Serializer[Any]):
    """The version to return to."""

    version = serializers.IntegerField(min_value=1, max_value=MAX_VERSION)
