"""seldon-cli client, keys, operator: what they change, what they print, how they leave."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User

from cli import keys, main
from clients.models import AuditEntry, Client, ConsumerKey
from clients.records import KEY_KINDS
from tests.factories import make_client

pytestmark = pytest.mark.django_db
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        code = main.run(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def read(run: Run, *words: str) -> Any:
    code, out, err = run(*words, "--json")
    assert code == 0, err
    return json.loads(out)


# -- clients ---------------------------------------------------------------------------------------


def test_setup_prints_keys_and_warns_that_the_secret_is_not_shown_again(run: Run) -> None:
    code, out, err = run("client", "setup", "acme", "--json")
    made = json.loads(out)
    assert code == 0
    assert check_password(made["consumer_secret"], ConsumerKey.objects.for_all_clients()[0].client_secret)
    assert "cannot be shown again" in err
    assert made["consumer_secret"] not in json.dumps(read(run, "client", "show", "acme"))


def test_setup_takes_seldon_servers_words(run: Run) -> None:
    words = ["--set-js-key", "JSKEY1", "--set-all-key", "ALLKEY1", "--set-all-secret", "x" * 20]
    made = read(run, "client", "--action", "setup", "--client-name", "acme", *words)
    assert (made["js_key"], made["consumer_key"], made["consumer_secret"]) == ("JSKEY1", "ALLKEY1", "x" * 20)


def test_given_secret_that_could_be_guessed_is_refused(run: Run) -> None:
    code, _, err = run("client", "setup", "acme", "--set-all-secret", "short")
    assert (code, Client.objects.count()) == (1, 0)
    assert "16 to 128" in err


def test_second_client_of_a_name_is_refused(run: Run) -> None:
    make_client("acme")
    assert run("client", "setup", "acme")[::2] == (1, "Error: client 'acme' exists already\n")


def test_client_is_listed_disabled_and_enabled_and_the_audit_log_says_who(run: Run) -> None:
    client = make_client("acme").client
    make_client("globex")
    assert run("client", "disable", "acme")[0] == 0
    listed = read(run, "client", "list")
    told = [(row["client"], row["active"], row["keys"]) for row in listed]
    assert told == [("acme", False, 2), ("globex", True, 2)]
    assert run("client", "enable", "--client", "acme")[0] == 0
    assert read(run, "client", "show", "acme")["active"] is True
    entry = AuditEntry.objects.for_client(client)[0]
    assert (entry.action, entry.actor.startswith("cli:")) == ("enable_client", True)


def test_manners_of_old_are_switched_on_and_off(run: Run) -> None:
    make_client("acme")
    assert run("client", "legacy", "acme")[1] == "client acme: legacy_api is on\n"
    assert read(run, "client", "show", "acme")["legacy_api"] is True
    assert run("client", "legacy", "--client", "acme", "--off")[0] == 0
    assert read(run, "client", "show", "acme")["legacy_api"] is False


@pytest.mark.parametrize("command", ["show", "disable", "enable", "legacy"])
def test_unknown_client_is_told_by_name(command: str, run: Run) -> None:
    assert run("client", command, "nobody")[::2] == (1, "Error: there is no client 'nobody'\n")


def test_name_that_is_missing_is_wrong_usage(run: Run) -> None:
    code, _, err = run("client", "setup")
    assert (code, "Missing argument 'NAME'" in err) == (2, True)


def test_lists_are_plain_aligned_lines_where_no_terminal_is(run: Run) -> None:
    make_client("acme")
    lines = run("client", "list")[1].splitlines()
    assert lines[0].split() == ["client", "active", "legacy_api", "keys", "created_at"]
    assert lines[1].startswith("acme    yes     no          2     ")


# -- keys ------------------------------------------------------------------------------------------


def test_fine_key_is_made_with_its_scopes(run: Run) -> None:
    make_client("acme")
    words = ["--kind", "fine", "--scope", "events", "--label", "shop"]
    made = read(run, "keys", "create", "--client", "acme", *words)
    assert (made["scopes"], made["label"], len(made["secret"])) == (["events"], "shop", 40)


def test_js_key_has_no_secret_to_warn_of(run: Run) -> None:
    make_client("acme")
    code, out, err = run("keys", "create", "--client", "acme", "--kind", "js", "--origin", "shop.example.com")
    assert (code, err) == (0, "")
    assert "shop.example.com" in out


def test_operator_key_belongs_to_no_client(run: Run) -> None:
    make_client("acme")
    made = read(run, "keys", "create", "--kind", "operator")
    assert (made["client"], made["kind"]) == (None, "operator")
    assert run("keys", "create", "--kind", "operator", "--client", "acme")[0] == 2
    assert run("keys", "revoke", made["key"], "--yes")[0] == 0


def test_key_without_client_is_wrong_usage(run: Run) -> None:
    assert run("keys", "create", "--kind", "js")[0] == 2


def test_keys_of_one_client_and_kind_are_listed(run: Run) -> None:
    made = make_client("acme")
    make_client("globex")
    rows = read(run, "keys", "list", "--client-name", "acme", "--scope", "js")
    assert [row["key"] for row in rows] == [made.js_key.key.client_id]
    assert len(read(run, "keys", "list")) == 4


def test_rotation_says_how_long_the_old_key_works(run: Run) -> None:
    made = make_client("acme")
    old = made.key.key.client_id
    answer = read(run, "keys", "rotate", "--client", "acme", old, "--overlap-hours", "2")
    assert answer["old_key"] == old
    assert answer["old_key_until"] is not None
    assert answer["key"] != old


def test_revoke_asks_first_and_does_nothing_without_a_yes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_client("acme").key.key
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("keys", "revoke", "--client", "acme", key.client_id)[0] == 130
    key.refresh_from_db()
    assert key.is_active
    assert run("keys", "revoke", "--client", "acme", key.client_id, "--yes")[0] == 0
    key.refresh_from_db()
    assert not key.is_active


def test_clients_key_revoked_without_its_client_is_told_what_to_say(run: Run) -> None:
    key = read(run, "client", "setup", "acme")["consumer_key"]
    code, _, err = run("keys", "revoke", key, "--yes")
    assert code == 1
    assert "--client" in err


def test_key_of_acme_is_not_found_under_globex(run: Run) -> None:
    key = make_client("acme").key.key
    make_client("globex")
    assert run("keys", "revoke", "--client", "globex", key.client_id, "--yes")[0] == 1


# -- operators -------------------------------------------------------------------------------------


def test_operator_is_made_with_a_random_password_shown_once(run: Run) -> None:
    made = read(run, "operator", "create", "olga")
    user = User.objects.get(username="olga")
    assert (user.is_staff, user.check_password(made["password"])) == (True, True)
    assert run("operator", "create", "olga")[0] == 1


def test_reset_gives_a_new_password_and_the_old_one_ends(run: Run) -> None:
    first = read(run, "operator", "create", "olga")["password"]
    second = read(run, "operator", "reset", "olga")["password"]
    user = User.objects.get(username="olga")
    assert (user.check_password(first), user.check_password(second)) == (False, True)
    assert [row["operator"] for row in read(run, "operator", "list")] == ["olga"]


def test_weak_password_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    code, _, err = run("operator", "create", "olga", "--password-stdin")
    assert (code, User.objects.count()) == (1, 0)
    assert "too short" in err


def test_operator_that_is_not_there_cannot_be_reset(run: Run) -> None:
    assert run("operator", "reset", "olga")[::2] == (1, "Error: there is no operator 'olga'\n")


# -- the machine -----------------------------------------------------------------------------------


def test_migrate_says_so_when_nothing_is_to_do(run: Run) -> None:
    assert run("migrate")[:2] == (0, "the database is up to date\n")


def test_check_finds_nothing_wrong_with_nothing_configured(run: Run) -> None:
    assert run("check")[:2] == (0, "nothing is wrong\n")


def test_check_names_a_wrong_setting_by_id(run: Run, settings: Any) -> None:
    settings.EVENTS_FLUSH_MIN_SECONDS = 90
    code, out, _ = run("check", "--json")
    assert code == 1
    assert [one["id"] for one in json.loads(out)] == ["seldon.E003"]


def test_keys_can_be_of_every_kind_that_clients_know() -> None:
    assert keys.KINDS == KEY_KINDS
