"""What a deployment says of itself to people and tools: a page, and an OpenAPI document of its own."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import orjson

from predictions.graphs.deployed import Deployed
from predictions.graphs.schemas import FEEDBACK_BODY, SELDON_MESSAGE

_JSON: Final = "application/json"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>body{{font:15px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}}
pre{{background:#f4f4f5;padding:1rem;overflow:auto}}
td,th{{text-align:left;padding:.2rem 1rem .2rem 0}}</style>
</head><body><h1>{name}</h1>
<p>Protocol {protocol}. The same as <a href="seldon.json">openapi</a> document.</p>
<table><tr><th>Predictor</th><th>Traffic</th><th>Graph</th></tr>{rows}</table>
<h2>Predict</h2><pre>curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{example}' \\
  $HOST{path}</pre></body></html>
"""
_EXAMPLE: Final = {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}


def deployment_document(client: str, deployed: Deployed) -> dict[str, Any]:
    """The OpenAPI document of one deployment's public paths."""
    paths = {
        _path(client, deployed, "predictions"): _operation("Predict", SELDON_MESSAGE),
        _path(client, deployed, "feedback"): _operation("Send feedback", FEEDBACK_BODY),
    }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Seldon External API", "version": "1.0", "description": deployed.name},
        "paths": paths,
    }


def deployment_page(client: str, deployed: Deployed) -> bytes:
    """A page that says how the deployment is called."""
    shown = [*deployed.predictors, *deployed.shadows]
    rows = "".join(
        f"<tr><td>{escape(each.name)}{' (shadow)' if each.predictor.is_shadow else ''}</td>"
        f"<td>{each.predictor.traffic:g}</td>"
        f"<td>{escape(', '.join(node.name for node in each.root.walk()))}</td></tr>"
        for each in shown
    )
    page = _PAGE.format(
        name=escape(f"{client}/{deployed.name}"),
        protocol=escape(deployed.serving.protocol),
        rows=rows,
        example=orjson.dumps(_EXAMPLE).decode(),
        path=escape(_path(client, deployed, "predictions")),
    )
    return page.encode()


def _path(client: str, deployed: Deployed, verb: str) -> str:
    return f"/seldon/{client}/{deployed.name}/api/v1.0/{verb}"


def _operation(summary: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {_JSON: {"schema": body}}},
            "responses": {
                "200": {"description": "A SeldonMessage", "content": {_JSON: {"schema": SELDON_MESSAGE}}}
            },
        }
    }
