"""A role process: what it has of its supervisor, and what not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import json, os, signal, sys, types
from pathlib import Path
from opentrail.server import role_process
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders

out = Path(sys.argv[1])
folder = DataFolder(out / "data")
folder.prepare()
held = folder.lock()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: None)

def main(orders):
    open_files = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
    (out / "telling").write_text(json.dumps({
        "link": orders.link,
        "files": sorted(file for file in open_files if str(out) in file),
        "name": Path("/proc/self/comm").read_text().strip(),
        "term": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "int": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    }))
    (out / "telling").rename(out / "told")
    signal.pause()

sys.modules["opentrail.server.probe"] = types.SimpleNamespace(main=main)
process = role_process.start("probe", Orders(data_dir=folder.root, link="/somewhere"))
while not (out / "told").exists() and not role_process.wait(process, 0.01):
    pass
lives = not role_process.wait(process, 0.1)
process.terminate()
process.join()
print(json.dumps({"lives": lives, "exit": process.exitcode, "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))}))
"""


def test_a_role_has_its_orders_and_signals_and_nothing_that_the_supervisor_holds(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120)
    told: dict[str, Any] = json.loads((tmp_path / "told").read_text())
    assert told == {"link": "/somewhere", "files": [], "name": "opentrail probe", "term": True, "int": True, "blocked": []}
    assert json.loads(done.stdout) == {"lives": True, "exit": -15, "blocked": []}
