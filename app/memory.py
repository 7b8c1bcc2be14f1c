"""What the process tells its allocator, so that memory once needed is given back."""

import ctypes

# From glibc's malloc.h; see mallopt(3).
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
LARGE_BYTES = 256 * 1024


def give_back_large_blocks() -> None:
    """Let blocks from 256 KiB on be mapped one by one, and return to the system when they are freed.

    Left to itself, glibc raises that limit with every large block it frees, up to 32 MiB; then models of 9 MB loaded in
    turn leave holes that nothing fits into: 20 MB a model instead of 10. Elsewhere than on glibc it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_ARENA_MAX, 2)
