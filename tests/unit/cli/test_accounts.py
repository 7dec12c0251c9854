"""`opentrail account`: accounts of a folder that a server has been started in."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opentrail.cli.account import account
from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.storage.database import Database

ACCOUNT, SECOND = "123456789012", "222222222222"


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """What a running server has open."""
    found = Identities(Database.at(tmp_path / "state.db"), tmp_path / "keys", ManualClock(), account_id=ACCOUNT)
    found.ensure_root(ACCOUNT)
    return found


def run(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(account, [*words, "--data-dir", str(folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_a_new_account_has_a_root_key_that_a_running_server_knows(tmp_path: Path, identities: Identities) -> None:
    made = json.loads(run(tmp_path, "create", "--account-id", SECOND, "--name", "Second", "--json"))
    file = tmp_path / "keys" / f"root-{SECOND}.json"
    assert (made["root_key_file"], stat.S_IMODE(file.stat().st_mode)) == (str(file), 0o600)
    credential = identities.credential(made["access_key_id"])
    assert credential is not None
    assert credential.secret_access_key == json.loads(file.read_text())["secret_access_key"]
    assert credential.principal.arn == f"arn:aws:iam::{SECOND}:root"
    listed = json.loads(run(tmp_path, "list", "--json"))
    assert [(one["account_id"], one["name"]) for one in listed] == [(ACCOUNT, None), (SECOND, "Second")]
    assert "Second" in run(tmp_path, "list")


def test_secrets_are_not_printed(tmp_path: Path, identities: Identities) -> None:
    printed = run(tmp_path, "create", "--account-id", SECOND)
    secret = json.loads((tmp_path / "keys" / f"root-{SECOND}.json").read_text())["secret_access_key"]
    assert secret not in printed
    assert f"opentrail env --account-id {SECOND} --data-dir {tmp_path}" in printed


def test_an_id_is_made_up_and_nothing_is_made_twice(tmp_path: Path, identities: Identities) -> None:
    made = json.loads(run(tmp_path, "create", "--json"))["account_id"]
    assert (len(made), made.isdecimal()) == (12, True)
    for taken in (made, ACCOUNT):
        with pytest.raises(CallFailed, match=f"There is an account {taken} already"):
            run(tmp_path, "create", "--account-id", taken)


def test_an_account_whose_making_was_broken_off_is_finished(tmp_path: Path, identities: Identities) -> None:
    identities.accounts.ensure(SECOND)
    run(tmp_path, "create", "--account-id", SECOND)
    assert (tmp_path / "keys" / f"root-{SECOND}.json").exists()


@pytest.mark.parametrize("words", [("--account-id", "12"), ("--account-id", "12345678901x"), ("--name", ""), ("--name", "x" * 51)])
def test_ids_and_names_that_are_none(tmp_path: Path, identities: Identities, words: tuple[str, str]) -> None:
    with pytest.raises(CallFailed):
        run(tmp_path, "create", *words)


def test_a_folder_without_a_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp):
        run(tmp_path / "nowhere", "create")
    assert not (tmp_path / "nowhere").exists()
