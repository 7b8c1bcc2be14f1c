"""Children end with their parent, however that has ended."""

import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.sources import ROOT

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
time.sleep(60)
"""
CHILD = "import time; {first}; print('ready', flush=True); time.sleep(60)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked for it")
def test_a_child_is_gone_when_its_parent_was_killed() -> None:
    assert gone_with_its_parent("from winnow.parent import end_with_parent; end_with_parent()")


def test_a_child_that_did_not_say_so_stays() -> None:
    assert not gone_with_its_parent("pass", patience=0.5)


def gone_with_its_parent(first: str, patience: float = 10) -> bool:
    """Whether a child that did this first ends within so many seconds of the SIGKILL of its parent."""
    command = [sys.executable, "-c", PARENT, CHILD.format(first=first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline().split()[0]))
        parent.kill()
    try:
        return until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, patience)
    finally:
        if child.is_running():
            child.kill()


def until(holds: Callable[[], bool], seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True
