"""Roles of a whole server are killed at random moments, and all of it at once, while events come, an import runs, and the lake commits,
merges and drops: after each restart the counts by SQL are exact and nothing lies about that is no table's.

`OPENTRAIL_KILLS=40` makes it 40 rounds.
"""

from __future__ import annotations

import collections
import os
import random
import threading
import time
from pathlib import Path

import pytest

from simulators.killed_lake import KilledLake
from simulators.running import RunningOpenTrail, wait_for

ROUNDS = int(os.environ.get("OPENTRAIL_KILLS", "3"))
FIRST = ("lake", "all", "followers")
ROLES = ("lake", "lake", "all", "followers", "front", "watch")


@pytest.mark.timeout(600 + 240 * ROUNDS)
def test_whatever_is_killed_the_lake_has_each_event_once(tmp_path: Path) -> None:
    dice = random.Random(20260105)
    opentrail = RunningOpenTrail(tmp_path, settings={"lake.commit_interval": 0.5, "trails.delivery_interval": 1})
    killed: collections.Counter[str] = collections.Counter()
    opentrail.start(patience=240)
    try:
        lake = KilledLake(opentrail, dice)
        for number in range(ROUNDS):
            folder = lake.write_logs(tmp_path / f"logs-{number}")
            lake.clients.start()
            imports = threading.Thread(target=lake.import_all, args=(folder,))
            imports.start()
            time.sleep(dice.uniform(0, 3))
            lake.shorten()
            time.sleep(dice.uniform(0, 1))
            names = [FIRST[number] if number < len(FIRST) else dice.choice(ROLES)]
            names += dice.sample(ROLES, dice.randrange(2))
            for name in names:
                lake.kill(name)
                killed[name] += 1
                time.sleep(dice.uniform(0, 0.5))
            lake.healthy()
            imports.join()
            lake.clients.stop()
            lake.check()
            print(
                f"round {number + 1}: {', '.join(names)} killed; {len(lake.clients.called)} calls and {len(lake.clients.told)} events told"
            )
        assert opentrail.stop() == 0
        wait_for(lambda: not lake.left_over())
        lake.read_by_others()
        print(f"{len(lake.files)} events imported; killed {dict(killed)}")
    finally:
        opentrail.kill()
