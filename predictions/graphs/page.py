"""The page at which people read and try a deployment's OpenAPI document, in a browser that has no token yet.

It is the same whatever its address names, and so tells nothing: what it shows it asks for with the reader's
own token, which it keeps nowhere.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

from lane.reply import Headers, Reply

_SWAGGER: Final = "/static/drf_spectacular_sidecar/swagger-ui-dist"
_SCRIPT: Final = """
"use strict";
const find = (id) => document.getElementById(id);
const say = (text) => { find("said").textContent = text; };
async function show(token) {
  const headers = { Authorization: `Bearer ${token}` };
  const reply = await fetch(document.body.dataset.document, { headers });
  const found = await reply.json();
  if (!reply.ok) {
    say(found.error || (found.status && found.status.info) || `refused with ${reply.status}`);
    return;
  }
  say("");
  SwaggerUIBundle({
    spec: found,
    domNode: find("document"),
    requestInterceptor: (request) => {
      Object.assign(request.headers, headers);
      return request;
    },
  });
}
find("open").addEventListener("submit", (event) => {
  event.preventDefault();
  find("document").replaceChildren();
  say("…");
  show(find("token").value.trim()).catch((error) => say(String(error)));
});
"""
_PAGE: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Deployment</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{_SWAGGER}/swagger-ui.css">
<style>
body {{ margin: 0; font: 15px/1.5 system-ui, sans-serif; }}
form, #said {{ max-width: 1420px; margin: 1rem auto; padding: 0 20px; box-sizing: border-box; }}
input {{ font: inherit; padding: .3rem .5rem; width: 24rem; max-width: 100%%; box-sizing: border-box; }}
button {{ font: inherit; padding: .3rem 1rem; }}
#said:empty, .scheme-container, .authorization__btn {{ display: none; }}
</style></head>
<body data-document="%s">
<form id="open">
<p>What a deployment answers, by its openapi document, for who has a token of its client.</p>
<label>Token <input id="token" type="password" autocomplete="off" required autofocus></label>
<button>Show</button>
</form>
<p id="said" role="status"></p>
<div id="document"></div>
<script src="{_SWAGGER}/swagger-ui-bundle.js"></script>
<script>{_SCRIPT}</script>
</body></html>
"""
_DIGEST: Final = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
# Swagger UI sets styles from its script.
_POLICY: Final = (
    f"default-src 'none'; script-src 'self' 'sha256-{_DIGEST}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def page_reply(document: str) -> Reply:
    """The page, which asks for `document` beside it."""
    headers: Headers = [
        (b"content-security-policy", _POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    body = (_PAGE % document).encode()
    return Reply(body, content_type=b"text/html; charset=utf-8", headers=headers)
