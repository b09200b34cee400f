"""Token texts: ours are told from garbage without a look-up."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clients.tokens import generate_key_text, generate_secret, generate_token, is_own_token


def test_token_made_here_is_known() -> None:
    assert is_own_token(generate_token())


@given(st.text())
def test_any_other_text_is_garbage(text: str) -> None:
    assert not is_own_token(text)
    assert not is_own_token("sat_" + text)


@given(place=st.integers(4, 47), letter=st.sampled_from("AZaz09-_"))
def test_token_with_a_changed_letter_is_garbage(place: int, letter: str) -> None:
    token = generate_token()
    changed = token[:place] + letter + token[place + 1 :]
    assert is_own_token(changed) == (changed == token)


def test_token_of_a_former_secret_key_counts_while_that_is_listed(settings: Any) -> None:
    settings.SECRET_KEY = "former"
    token = generate_token()
    settings.SECRET_KEY = "present"
    assert not is_own_token(token)
    settings.SECRET_KEY_FALLBACKS = ["former"]
    assert is_own_token(token)


def test_no_two_texts_are_the_same() -> None:
    for generate in (generate_token, generate_key_text, generate_secret):
        assert len({generate() for _ in range(1000)}) == 1000
