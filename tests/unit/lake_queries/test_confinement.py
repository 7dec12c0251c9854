"""What the process of a query can do once it is confined: read what it was given, and compute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simulators.query_lake import Make
from simulators.query_tables import STORE

PROGRAM = """
import os, signal, socket, subprocess, sys, threading
from pathlib import Path
from opentrail.lake.queries.confinement import confine
given, other, folder = (Path(argument) for argument in sys.argv[1:4])
written = folder / "written"
written.write_text("x")
held = written.open("w")
layers = confine([given], memory=256 << 20, processor_time=60)
print(",".join(layers))
def tried(name, what):
    try:
        what()
    except (OSError, MemoryError) as error:
        print(name, "refused")
    else:
        print(name, "done")
tried("read given", given.read_bytes)
tried("read other", other.read_bytes)
tried("list", lambda: os.listdir(folder))
tried("write given", lambda: given.open("a").close())
tried("create", lambda: (folder / "new").touch())
tried("grow", lambda: (held.write("much"), held.flush()))
tried("remove", given.unlink)
tried("rename", lambda: given.rename(folder / "moved"))
tried("folder", (folder / "sub").mkdir)
tried("link", lambda: (folder / "link").symlink_to(given))
tried("chmod", lambda: given.chmod(0o777))
tried("truncate", lambda: os.truncate(given, 0))
tried("internet", lambda: socket.socket(socket.AF_INET))
tried("local socket", lambda: socket.socket(socket.AF_UNIX))
tried("program", lambda: os.execv("/bin/true", ["true"]))
tried("process", lambda: subprocess.run(["/bin/true"]))
tried("fork", os.fork)
tried("signal", lambda: os.kill(os.getppid(), 0))
tried("memory", lambda: bytearray(1 << 30))
def thread():
    started = threading.Thread(target=lambda: tried("read other in thread", other.read_bytes))
    started.start()
    started.join()
tried("thread", thread)
tried("import", lambda: __import__("wave"))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture
def said(tmp_path: Path) -> list[str]:
    for name in ("given", "other"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    arguments = [str(tmp_path / name) for name in ("given", "other", "folder")]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_confined_process_reads_what_it_was_given_and_nothing_else(said: list[str], tmp_path: Path) -> None:
    layers = said[0].split(",")
    assert layers[0] == "limits"
    allowed = {"read given", "thread", "import"}
    # without landlock (an old kernel) reading is bounded by the engine's own rules only
    unbounded = set() if "landlock" in layers else {"read other", "list", "read other in thread"}
    for line in said[1:]:
        name, _, outcome = line.rpartition(" ")
        if name not in unbounded:
            assert (name, outcome) == (name, "done" if name in allowed else "refused")
    assert len(said) == 23
    assert (tmp_path / "given").read_text() == "given"


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT content FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT CAST(file AS VARCHAR) FROM glob('/*')",
        "SELECT content FROM read_text('http://127.0.0.1:1/x')",
        "COPY (SELECT 1) TO '/tmp/opentrail-never.csv'",
        "ATTACH '/tmp/opentrail-never.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access=true",
        "SET memory_limit='100GB'",
        "SET allowed_paths=['/etc/passwd']",
        "EXPORT DATABASE '/tmp/opentrail-never'",
        "PRAGMA enable_profiling='json'; PRAGMA profiling_output='/tmp/opentrail-never.json'",
    ],
)
def test_even_the_engine_s_own_sql_reaches_nothing(make: Make, attack: str) -> None:
    lake = make()
    lake.tables.fill(1)
    query = lake.ended(lake.start(f"/* n */ {attack}"))
    assert query.status == "FAILED"
    assert query.results == 0
    assert not list(Path("/tmp").glob("opentrail-never*"))
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"
