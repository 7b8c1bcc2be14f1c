"""Random numbers by purpose: every draw has a seed of its own, derived from the job's."""

import hashlib
from typing import Literal

Purpose = Literal[
    "init",
    "order",
    "augment",
    "dropout",
    "split",
    "fraction",
    "random_reinit",
    "random_mask",
    "score",
    "scored_images",
    "head",
]


def seed_for(seed: int, purpose: Purpose, *where: int, copy: int = 0) -> int:
    """An unsigned 64-bit seed for one purpose at one place; 0 is a seed like any other.

    `where` is what the draw may depend on and nothing else: the replicate, the epoch, the level. `copy` is above 0 for
    the copies of a training that see other batches than it does.
    """
    copied = (f"copy {copy}",) if copy else ()
    text = "/".join(map(str, (seed, purpose, *where, *copied)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
