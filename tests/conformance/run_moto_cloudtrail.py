#!/usr/bin/env python
"""Run moto's own CloudTrail tests against OpenTrail.

    python tests/conformance/run_moto_cloudtrail.py CHECKOUT

CHECKOUT is a clone of https://github.com/getmoto/moto. Its `tests/test_cloudtrail` run in server mode against an `opentrail serve` of
their own. Every test must pass, but for those in `moto_cloudtrail.toml`, each with the reason why AWS itself would not pass it; one of
those that passes is reported too. Exits with 1 unless all is as expected.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from simulators.running import RunningOpenTrail  # noqa: E402 - found by the line above

SETTINGS = {"identity.open": "true", "testing.reset_door": "true"}


def expected_failures() -> Mapping[str, str]:
    """Test (`module::name`) → why it fails."""
    found: Mapping[str, str] = tomllib.loads((HERE / "moto_cloudtrail.toml").read_text())["not_as_aws"]
    return found


def outcomes(checkout: Path, endpoint: str, report: Path) -> dict[str, str]:
    """Test → what was wrong, `""` for nothing. A parametrised test is good when all its cases are."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(checkout), environment.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "moto_ground", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command.append("--ignore=tests/test_cloudtrail/test_server.py")  # asks a moto inside the test, not the server
    subprocess.run([*command, "tests/test_cloudtrail"], cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=False)
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.attrib['classname'].rpartition('.')[2]}::{case.attrib['name'].partition('[')[0]}"
        trouble = next((child.attrib.get("message", child.tag) for child in case if child.tag in ("failure", "error", "skipped")), "")
        found[name] = found.get(name) or trouble
    return found


def judge(found: Mapping[str, str], reasons: Mapping[str, str]) -> list[str]:
    """What is not as expected, a line each."""
    lines = [f"failed: {name}: {trouble.splitlines()[0]}" for name, trouble in sorted(found.items()) if trouble and name not in reasons]
    lines += [f"passed, though it is listed: {name}" for name in sorted(reasons) if found.get(name) == ""]
    return lines + [f"listed, though there is none: {name}" for name in sorted(reasons) if name not in found]


def main() -> int:
    """The script."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "tests" / "test_cloudtrail").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    reasons = expected_failures()
    with tempfile.TemporaryDirectory() as folder, RunningOpenTrail(Path(folder), settings=SETTINGS) as server:
        found = outcomes(Path(sys.argv[1]).resolve(), server.endpoint, Path(folder) / "report.xml")
    wrong = judge(found, reasons)
    for line in wrong:
        print(line)
    passed = sum(not trouble for trouble in found.values())
    print(f"{passed} of {len(found)} pass; {len(reasons)} are not as AWS is, for reasons given; {len(wrong)} not as expected")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
