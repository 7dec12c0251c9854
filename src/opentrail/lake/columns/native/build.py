"""Build the kernel where there is a C compiler; without one everything works as well, and imports take twice the time.

python src/opentrail/lake/columns/native/build.py
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
SOURCES: Final = ("kernel.c", "reading.h", "columns.h", "scan.h", "sha256.h")
FLAGS: Final = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fstack-protector-strong")
COMPILERS: Final = ("cc", "gcc", "clang")


def library(folder: Path = FOLDER) -> Path:
    """Where in `folder` the kernel of these very sources is, if it is built: one of other sources is never loaded."""
    digest = hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in SOURCES)).hexdigest()
    return folder / f"kernel-{digest[:16]}.so"


def compiler() -> list[str] | None:
    """The command of a C compiler: that of the variable CC, or one that is found."""
    if given := os.environ.get("CC"):
        return shlex.split(given)
    return next(([path] for name in COMPILERS if (path := shutil.which(name))), None)


def build(folder: Path = FOLDER) -> str:
    """Build the kernel in `folder` unless it is there; returns what came of it."""
    wanted = library(folder)
    if wanted.exists():
        return "The kernel for imports is built."
    command = compiler()
    if command is None:
        return "No C compiler: imports do without the compiled kernel, and take longer."
    draft = wanted.with_suffix(f".{os.getpid()}")
    try:
        done = subprocess.run([*command, *FLAGS, "-o", str(draft), str(FOLDER / SOURCES[0])], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"The kernel for imports could not be built; imports do without it, and take longer: {done.stderr.strip()[:300]}"
        draft.replace(wanted)
    except OSError as error:
        return f"The kernel for imports could not be built; imports do without it, and take longer: {error}"
    finally:
        draft.unlink(missing_ok=True)
    for old in folder.glob("kernel-*.so"):
        if old != wanted:
            old.unlink(missing_ok=True)
    return "Built the kernel for imports."


if __name__ == "__main__":
    print(build())
