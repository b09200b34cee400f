"""Static files from the packages: kept for ever under their build, packed, and nothing else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.http import Http404
from django.templatetags.static import static
from django.test import Client as Browser

from console.assets import build, load_asset

CSS = "unfold/css/styles.css"


def test_address_of_the_present_build_is_kept_for_a_year() -> None:
    answer = Browser().get(static(CSS))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/css"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("address", [f"/static/{CSS}", f"/static/0123456789/{CSS}"])
def test_address_of_no_or_another_build_is_answered_and_not_kept(address: str) -> None:
    answer = Browser().get(address)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-cache")


def test_what_a_stylesheet_names_beside_itself_is_in_the_same_build() -> None:
    sheet = static("unfold/fonts/inter/styles.css")
    answer = Browser().get(sheet.replace("styles.css", "Inter-Regular.woff2"))
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]


def test_text_is_packed_for_those_who_can_unpack_it() -> None:
    packed = Browser().get(static(CSS), headers={"accept-encoding": "gzip"})
    plain = Browser().get(static(CSS))
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert "Content-Encoding" not in plain


def test_known_content_is_not_sent_again() -> None:
    etag = Browser().get(static(CSS))["ETag"]
    again = Browser().get(static(CSS), headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["nothing.css", "../console/models.py", "unfold/../../models.py", "unfold", "a\0b", "/etc/passwd", ""],
)
def test_what_is_no_static_file_is_not_found(path: str) -> None:
    with pytest.raises(Http404):
        load_asset(path)


@pytest.mark.parametrize("path", ["/static/..%2f..%2fmanage.py", "/static/%2e%2e/settings.py"])
def test_paths_out_of_the_folders_are_not_found(path: str) -> None:
    assert Browser().get(path).status_code == 404


def test_files_are_only_read() -> None:
    assert Browser().post(static(CSS)).status_code == 405


def test_templates_name_no_foreign_address() -> None:
    folder = Path(__file__).parents[2] / "console"
    texts = [
        path.read_text() for path in (*folder.rglob("*.html"), *folder.rglob("*.css"), *folder.rglob("*.js"))
    ]
    assert not [text for text in texts if "//cdn" in text or 'src="http' in text or "url(http" in text]


def test_the_build_is_short_and_stays() -> None:
    assert len(build()) == 10
    assert build() == build()
