"""The verb `validate`: what it prints, its exit codes, its JSON, and its one-line errors."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from opentrail import cli
from opentrail.buckets import Buckets
from opentrail.buckets.values import Attributes, Writing
from simulators.trails import ACCOUNT, World

HOURS = 3
START, END = "2026-01-05T10:00:00Z", "2026-01-05T13:00:00Z"


@dataclass
class Folder:
    """A data folder as a server leaves it, with one trail, and the command line over it."""

    root: Path
    arn: str
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error of `opentrail words`."""
        self.patch.setattr(sys, "argv", ["opentrail", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capture.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def validate(self, *words: str, arn: str | None = None) -> tuple[int, str, str]:
        given = ("--trail-arn", arn or self.arn, "--start-time", START, "--end-time", END, "--data-dir", str(self.root))
        return self.run("validate", *given, "--local", *words)

    def file(self, part: str, number: int = 0) -> Path:
        """A file of the bucket."""
        return sorted(path for path in (self.root / "buckets" / "logs").rglob("*.json.gz") if part in path.name)[number]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that each test gets a copy of, and the trail's ARN."""
    root = tmp_path_factory.mktemp("made")
    world = World(root)
    arn = world.trail(enable_log_file_validation=True)
    for _ in range(HOURS):
        world.happen()
        world.run(3600, by=300)
    buckets = Buckets(world.database, root / "buckets", world.clock)
    buckets.create("logs", account_id=ACCOUNT, region="us-east-1")
    for (bucket, key), found in world.buckets.objects.items():
        draft = buckets.objects.draft()
        draft.write(found.body)
        attributes = Attributes(metadata=dict(found.metadata))
        buckets.objects.put(draft.seal(), Writing(bucket=bucket, key=key, owner=ACCOUNT, attributes=attributes))
    buckets.close()
    world.close()
    return root, arn


@pytest.fixture
def folder(made: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Folder:
    root = tmp_path / "data"
    shutil.copytree(made[0], root)
    return Folder(root, made[1], capsys, monkeypatch)


def test_all_valid(folder: Folder) -> None:
    code, out, err = folder.validate()
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Results requested for {START} to {END}",
        "Results found for 2026-01-05T10:11:12Z to 2026-01-05T13:00:00Z:",
        "3/3 digest files valid",
        "3/3 log files valid",
    ]


def test_verbose_names_each_file_digests_before_the_log_files_they_list(folder: Folder) -> None:
    _, out, _ = folder.validate("--verbose")
    lines = out.splitlines()[: 2 * HOURS]
    assert [line.split("\t")[0] for line in lines] == ["Digest file", "Log file"] * HOURS
    assert all(line.endswith("\tvalid") for line in lines)


TOUCHED = [
    ("a log file removed behind the server's back", "_CloudTrail_", None, "not found"),
    ("a log file emptied", "_CloudTrail_", b"", "invalid format"),
    ("a log file with something behind it", "_CloudTrail_", b"+more", "unexpected data after end of compressed stream"),
    ("a digest removed", "_CloudTrail-Digest_", None, "not found"),
]


@pytest.mark.parametrize(("part", "change", "problem"), [row[1:] for row in TOUCHED], ids=[row[0] for row in TOUCHED])
def test_a_touched_file_is_told_on_standard_error_and_ends_with_1(folder: Folder, part: str, change: bytes | None, problem: str) -> None:
    file = folder.file(part, 1)
    if change is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + change[1:] if change.startswith(b"+") else change)
    code, out, err = folder.validate()
    assert code == 1
    assert [line for line in err.splitlines() if "INVALID" in line and file.name in line and line.endswith(f"INVALID: {problem}")]
    assert "INVALID" in out  # in the closing lines


def test_json(folder: Folder) -> None:
    file = folder.file("_CloudTrail_", 2)
    file.unlink()
    code, out, err = folder.validate("--json")
    found = json.loads(out)
    assert (code, err, found["valid"]) == (1, "", False)
    (chain,) = found["chains"]
    assert (chain["digestFiles"], chain["logFiles"]) == ({"valid": 3, "invalid": 0}, {"valid": 2, "invalid": 1})
    key = str(file.relative_to(folder.root / "buckets" / "logs"))
    assert chain["invalid"] == [{"kind": "log", "bucket": "logs", "key": key, "problem": "not found"}]


def test_the_newest_digest_removed_is_missed_as_the_server_remembers_it(folder: Folder) -> None:
    file = folder.file("_CloudTrail-Digest_", HOURS - 1)
    file.unlink()
    for words in ((), ("--s3-bucket", "logs")):
        code, _, err = folder.validate(*words)
        assert code == 1
        assert f"{file.name}\tINVALID: not found" in err
        assert "Digest files\tINVALID: missing between 2026-01-05T12:00:00Z and 2026-01-05T13:00:00Z" in err
    (chain,) = json.loads(folder.validate("--s3-bucket", "logs", "--json")[1])["chains"]
    assert chain["missingDigests"] == [{"start": "2026-01-05T12:00:00Z", "end": "2026-01-05T13:00:00Z"}]
    assert (chain["overdueDigests"], chain["noLastDigest"], chain["valid"]) == ([], [], False)


def test_a_region_whose_digests_are_all_gone_is_missed(folder: Folder) -> None:
    with sqlite3.connect(folder.root / "state.db") as connection:
        connection.execute(
            "INSERT INTO trail_chains (trail_id, account_id, region, is_open, began, start)"
            " SELECT trail_id, account_id, 'eu-west-1', 1, began, start FROM trail_chains"
        )
        connection.execute("INSERT INTO signing_keys SELECT 'other', 'eu-west-1', public, start, \"end\" FROM signing_keys")
    connection.close()
    code, _, err = folder.validate()
    assert code == 1
    assert "Digest files\tINVALID: missing between 2026-01-05T10:11:12Z and 2026-01-05T13:00:00Z" in err


def test_a_bucket_can_be_checked_without_its_trail(folder: Folder) -> None:
    with sqlite3.connect(folder.root / "state.db") as connection:
        connection.execute("UPDATE trails SET deleted_at = 1")
    connection.close()
    assert folder.validate()[0] == 2
    assert folder.validate("--s3-bucket", "logs")[0] == 0


def test_many_threads_give_the_same_findings_in_the_same_order(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = folder.validate("--verbose")
    monkeypatch.setattr("opentrail.cli.local.WORTH_A_THREAD", 0)
    assert folder.validate("--verbose") == alone


def test_nothing_is_written(folder: Folder) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = (path for path in folder.root.rglob("*") if not path.name.endswith(("-wal", "-shm")))
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

    before = state()
    assert folder.validate()[0] == 0
    assert state() == before


ERRORS = [
    (
        "no such trail",
        ("--trail-arn", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/other"),
        "There is no trail arn:aws:cloudtrail:us-east-1:",
    ),
    ("no ARN", ("--trail-arn", "audit"), "audit is no trail ARN"),
    ("no time", ("--start-time", "yesterday"), "--start-time yesterday: write it as 2026-01-05T10:00:00Z."),
    ("times the wrong way round", ("--end-time", "2025-01-01"), "--end-time must not be before --start-time."),
    ("no such bucket", ("--s3-bucket", "nowhere"), "There is no bucket nowhere in this data folder."),
    ("no data folder", ("--data-dir", "nowhere"), "No OpenTrail has been started in nowhere yet"),
    (
        "no keys for the time",
        ("--start-time", "2025-01-01", "--end-time", "2025-01-02"),
        "No public keys found between 2025-01-01T00:00:00Z",
    ),
]


@pytest.mark.parametrize(("words", "message"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_what_a_person_can_mend_is_one_line_and_ends_with_2(folder: Folder, words: tuple[str, ...], message: str) -> None:
    code, out, err = folder.validate(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"opentrail: {message}")


def test_a_spoilt_database_is_one_line_too(folder: Folder) -> None:
    for name in ("state.db", "state.db-wal"):
        if (folder.root / name).exists():
            (folder.root / name).write_bytes(b"no database" * 1000)
    code, _, err = folder.validate()
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be read" in err


def test_the_data_folder_may_come_from_the_environment(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENTRAIL_DATA_DIR", str(folder.root))
    assert folder.run("validate", "--trail-arn", folder.arn, "--start-time", START, "--end-time", END, "--local")[0] == 0


def test_the_command_line_explains_itself(folder: Folder) -> None:
    code, out, _ = folder.run("validate", "--help")
    assert code == 0
    assert "--trail-arn ARN" in out
    assert folder.run("validate", "--no-such-option")[0] == 2
    code, out, _ = folder.run("--help")
    assert code == 0
    assert re.search(r"validate +Check every digest and log file of a trail\.", out)


def test_a_local_check_imports_nothing_that_is_slow_to_import(folder: Folder) -> None:
    program = (
        "import sys; from opentrail.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    words = ["validate", "--trail-arn", folder.arn, "--start-time", START, "--end-time", END, "--data-dir", str(folder.root), "--local"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.split())
    assert {"sqlite3", "cryptography"} <= imported
    assert not imported & {"botocore", "pydantic", "rich", "sqlalchemy", "typer", "duckdb", "pyarrow", "asyncio"}
