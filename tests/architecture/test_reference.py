"""The drawn reference pages say what the code says."""

from __future__ import annotations

import pytest

from docs.generate import PAGES, REFERENCE, Setting, settings_read


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("setting", settings_read(), ids=lambda setting: setting.name)
def test_setting_says_what_it_is_for(setting: Setting) -> None:
    assert setting.meaning
