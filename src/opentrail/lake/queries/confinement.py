"""What the process of a query can still do once it is confined: read the files it was given and compute. Linux; each layer by itself.

- Limits: no file grows, no core is dumped, memory and processor time are bounded.
- Landlock (kernel 5.13 and later): of all files only those given can be opened, and those of the program itself (Python, its packages, the
  system's libraries), for reading only; from 6.7 on no TCP, from 6.12 on no signals to other processes and no abstract sockets.
- seccomp: no sockets, no other programs or processes, no opening for writing, nothing that changes files, mounts or the kernel.

Whatever the kernel does not have is left out, and said. The engine's own rules (`child`) come on top of these.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SECCOMP_MODE_FILTER: Final = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_SIGKILL: Final = 9

_libc: Final = ctypes.CDLL(None, use_errno=True)

_DENIED: Final[dict[str, tuple[int, ...]]] = {
    # socket connect accept bind listen socketpair accept4 · fork vfork execve execveat ptrace kill tkill pidfd_open
    # pidfd_send_signal process_vm_* · rename* mkdir* rmdir creat link* unlink* symlink* chmod* chown* mknod* truncate ftruncate fallocate
    # utime* *xattr · mount umount2 pivot_root chroot setns unshare open_by_handle_at · bpf perf_event_open userfaultfd io_uring_* keyctl
    # add_key request_key kexec_* init_module finit_module delete_module reboot swapon swapoff acct quotactl personality memfd_create
    "x86_64": (
        *(41, 42, 43, 49, 50, 53, 288, 57, 58, 59, 322, 101, 62, 200, 434, 424, 310, 311),
        *(82, 264, 316, 83, 258, 84, 85, 86, 265, 87, 263, 88, 266, 90, 91, 268, 92, 93, 94, 260, 133, 259, 76, 77, 285),
        *(132, 235, 261, 280, 188, 189, 190, 197, 198, 199),
        *(165, 166, 155, 161, 308, 272, 304, 321, 298, 323, 425, 426, 427, 250, 248, 249, 246, 320, 175, 313, 176, 169, 167, 168),
        *(163, 179, 135, 319, 428, 429, 430, 431, 432, 442),
    ),
    "aarch64": (
        *(198, 203, 202, 200, 201, 199, 242, 221, 281, 117, 129, 130, 434, 424, 270, 271),
        *(38, 276, 34, 37, 35, 36, 52, 53, 54, 55, 33, 45, 46, 47, 88, 5, 6, 7, 14, 15, 16),
        *(40, 39, 41, 51, 268, 97, 265, 280, 241, 282, 425, 426, 427, 219, 217, 218, 104, 294, 105, 273, 106, 142, 224, 225),
        *(89, 60, 92, 279, 428, 429, 430, 431, 432, 442),
    ),
}
"""Numbers of system calls that answer "not permitted"."""
_CALLS: Final[dict[str, tuple[int, int | None, int, int, int]]] = {
    "x86_64": (0xC000003E, 2, 257, 56, 437),
    "aarch64": (0xC00000B7, None, 56, 220, 437),
}
"""Machine → its name for seccomp; numbers of open, openat, clone, openat2."""
_CLONE3: Final = 435
_CLONE_THREAD: Final = 0x10000
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def confine(files: Sequence[Path], *, memory: int, processor_time: int) -> tuple[str, ...]:
    """Confine this process, and every thread it starts from now on, for good. Must be called while it has one thread.

    `memory` is in bytes beyond what it uses now, `processor_time` in seconds from now. Returns the layers that are in force.
    """
    _limit(memory, processor_time)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    layers = ["limits"]
    if _landlock(files):
        layers.append("landlock")
    if _seccomp():
        layers.append("seccomp")
    return tuple(layers)


def _limit(memory: int, processor_time: int) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    times = os.times()
    seconds = int(times.user + times.system) + max(processor_time, 1) + 1
    for limit, value in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, used + memory),
        (resource.RLIMIT_CPU, seconds),
    ):
        _, hard = resource.getrlimit(limit)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def prepare() -> None:
    """Find out, before there is anything to confine, what `confine` does the same way every time."""
    program_folders()
    if (machine := platform.machine()) in _DENIED:
        _filter(machine)


@cache
def program_folders() -> tuple[Path, ...]:
    """Where the program itself lies: what may still have to be loaded. Once each, without what lies in another one."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {Path(sysconfig.get_path(name)) for name in names} | {Path(__file__).parents[2]}
    found |= {Path(path) for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")}
    there = {folder.resolve() for folder in found if folder.is_dir()}
    return tuple(sorted(folder for folder in there if there.isdisjoint(folder.parents)))


def _landlock(files: Iterable[Path]) -> bool:
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    bits = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    handled = struct.pack("=QQQ", (1 << bits) - 1, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _libc.syscall(_CREATE_RULESET, ctypes.create_string_buffer(handled, 24), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        for path in files:
            _allow(ruleset, path, _READ_FILE)
        for folder in program_folders():
            _allow(ruleset, folder, _READ_FILE | _READ_DIR)
        return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, descriptor), 12)
        if _libc.syscall(_ADD_RULE, ruleset, 1, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock takes no rule", str(path))
    finally:
        os.close(descriptor)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _seccomp() -> bool:
    machine = platform.machine()
    if machine not in _DENIED or sys.byteorder != "little":
        return False
    code = _filter(machine)
    instructions = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(instructions))
    return bool(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


@cache
def _filter(machine: str) -> bytes:
    """The program in classic BPF: 8 bytes an instruction (code, jump if true, jump if false, operand)."""
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    number, architecture, first_argument = 0, 4, 16
    allow, kill, refuse = 0x7FFF0000, 0x80000000, 0x00050000
    name, open_, openat, clone, openat2 = _CALLS[machine]
    lines: list[tuple[int, int, int, int]] = [
        (load, 0, 0, architecture),
        (equal, 1, 0, name),
        (give, 0, 0, kill),
        (load, 0, 0, number),
        (at_least, 0, 1, 0x40000000),  # the calls of x32, which have other numbers
        (give, 0, 0, kill),
    ]
    for call in _DENIED[machine]:
        lines += [(equal, 0, 1, call), (give, 0, 0, refuse | errno.EPERM)]
    for call in (_CLONE3, openat2):  # their arguments lie in memory; the C library falls back on the older ones
        lines += [(equal, 0, 1, call), (give, 0, 0, refuse | errno.ENOSYS)]
    lines += [
        *((equal, 0, 4, clone), (load, 0, 0, first_argument), (any_bit, 1, 0, _CLONE_THREAD)),
        *((give, 0, 0, refuse | errno.EPERM), (give, 0, 0, allow)),
    ]
    for opening, argument in ((openat, 2), (open_, 1)):
        if opening is not None:
            lines += [
                *((equal, 0, 4, opening), (load, 0, 0, first_argument + 8 * argument), (any_bit, 0, 1, _WRITING)),
                *((give, 0, 0, refuse | errno.EACCES), (give, 0, 0, allow)),
            ]
    lines.append((give, 0, 0, allow))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
