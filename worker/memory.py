"""Whether the kernel has ended processes for want of memory."""

from pathlib import Path

COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


def oom_kills(counters: tuple[Path, ...] = COUNTERS) -> int:
    """How many so far, in this container or on this machine; only a rise means something."""
    return sum(_count(path) for path in counters if path.exists())


def _count(path: Path) -> int:
    lines = (line.split() for line in path.read_text().splitlines())
    return sum(int(words[1]) for words in lines if words and words[0] == "oom_kill")
