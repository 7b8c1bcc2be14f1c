"""Logs: JSON for machines, text for a terminal, and no values of variables in either."""

import json
import os
import pty
import subprocess
import sys

PROGRAM = """
import logging, structlog
from winnow import logs
logs.set_up(("chatty",), worker="w1")
structlog.get_logger().info("started", port=80)
logging.getLogger("chatty").info("a poll")
logging.getLogger("library").warning("careful")
secret = "hunter2"
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("broken")
"""


def test_in_a_pipe_each_line_is_an_object() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    started, careful, broken = map(json.loads, done.stderr.splitlines())
    assert (started["event"], started["port"], started["worker"], started["level"]) == ("started", 80, "w1", "info")
    assert (careful["event"], careful["worker"], careful["level"]) == ("careful", "w1", "warning")
    assert "ZeroDivisionError" in broken["exception"]
    assert "hunter2" not in done.stderr


def test_a_terminal_gets_text() -> None:
    parent, child = pty.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=child, check=True)
    os.close(child)
    text = ""
    while True:
        try:
            text += os.read(parent, 65536).decode()
        except OSError:  # Linux's way to say that the other end is closed
            break
    assert "started" in text
    assert "{" not in text
    assert "ZeroDivisionError" in text
    assert "a poll" not in text
    assert "hunter2" not in text.replace('secret = "hunter2"', "")
