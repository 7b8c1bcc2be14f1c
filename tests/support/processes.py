"""Processes: who runs a module, who is left of a group, what a pid file says."""

from pathlib import Path

import psutil


def running(module: str, below: int) -> list[psutil.Process]:
    """What a process has started that runs a module, those that have ended left out, and whatever else there is."""
    found = []
    for process in psutil.Process(below).children(recursive=True):
        try:
            if module in process.cmdline():
                found.append(process)
        except (psutil.ZombieProcess, psutil.NoSuchProcess):
            continue  # it ended while the list was read
    return found


def members(group: int) -> list[int]:
    """The processes of a group, zombies left out (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, member_of = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while the list was read
        if int(member_of) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def number_in(pid_file: Path) -> int | None:
    """What a pid file says; None while it is not there, or empty."""
    try:
        return int(pid_file.read_text() or 0) or None
    except FileNotFoundError:
        return None
