"""A process that ends with the one that started it, however that came to its end."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(sent: signal.Signals = signal.SIGKILL) -> None:
    """Have this process sent a signal when the thread that started it is gone, even by SIGKILL.

    Linux alone can do it (prctl(2)); elsewhere nothing happens. Said by the child itself, or for it between fork and
    exec: it outlives the exec.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sent)
