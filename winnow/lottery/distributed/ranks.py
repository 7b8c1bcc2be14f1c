"""The processes of one unit, and what they say to each other: gradients, buffers, digests, a checkpoint."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from winnow.contract.problems import Reason
from winnow.lottery.workspace import UnitFailed

PATIENCE = timedelta(minutes=10)
"""How long one process may keep the others waiting. All do the same work at the same time, measuring too."""


Meet = Callable[[Callable[[], None]], None]


class Share(NamedTuple):
    """What one process takes of a batch: the images from `start` on and before `stop`, of `whole` images."""

    start: int
    stop: int
    whole: int

    @property
    def images(self) -> slice:
        """Their places in the batch."""
        return slice(self.start, self.stop)


class Ranks:
    """All processes of a unit as one of them sees them. Whatever is called here, every process calls, in one order."""

    def __init__(self, rank: int, count: int, device: torch.device, meet: Meet) -> None:
        """`meet`: once this process has its images, wait until all have theirs, and call its argument meanwhile."""
        self.rank = rank
        self.count = count
        self.device = device
        self.meet = meet

    def share(self, images: int) -> Share:
        """Neighbouring images of a batch of so many; of a rest each of the first processes takes one more."""
        each, rest = divmod(images, self.count)
        start = self.rank * each + min(self.rank, rest)
        return Share(start, start + each + (self.rank < rest), images)

    @torch.no_grad()
    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor the sum of what it is in all processes. The tensors are of one type.

        Each process adds up one part of them, in the order of the ranks: the sum has the same bits everywhere and every
        time, whatever way a library takes through the network of processes.
        """
        sent = _flat(tensors, self.count)
        parts = torch.empty_like(sent)
        dist.all_to_all_single(parts, sent)
        total, *others = parts.view(self.count, -1)
        for other in others:
            total.add_(other)
        dist.all_gather_single(sent, total)
        _put(sent, tensors)

    @torch.no_grad()
    def follow_first(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor what it is in the first process."""
        for alike in _by_type(tensors):
            said = _flat(alike, 1)
            dist.broadcast(said, 0)
            _put(said, alike)

    def from_first(self, data: bytes | None) -> bytes | None:
        """What the first process has; what others have is not looked at."""
        size = torch.tensor([-1 if data is None else len(data)], device=self.device)
        dist.broadcast(size, 0)
        if size.item() < 0:
            return None
        said = torch.empty(int(size.item()), dtype=torch.uint8)
        if self.rank == 0 and data:
            said.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        there = said.to(self.device)
        dist.broadcast(there, 0)
        return there.cpu().numpy().tobytes()

    def gathered(self, digest: str) -> tuple[str, ...]:
        """The SHA-256 that each process has, by rank."""
        own = torch.frombuffer(bytearray.fromhex(digest), dtype=torch.uint8).to(self.device)
        found = torch.empty(self.count * len(own), dtype=torch.uint8, device=self.device)
        dist.all_gather_single(found, own)
        return tuple(bytes(one.tolist()).hex() for one in found.cpu().view(self.count, -1))

    def agree_on_masks(self, digest: str) -> None:
        """Raise UnitFailed where the masks of one process are not those of another (trap 23)."""
        if len(found := set(self.gathered(digest))) > 1:
            raise UnitFailed(Reason.BUG, f"The {self.count} processes have {len(found)} different masks, not one.")


def join(rank: int, count: int, store: Path, device: torch.device, meet: Meet) -> Ranks:
    """Meet the others, who come to the same file: gloo on CPUs, NCCL on GPUs. Waits until all are there."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=dist.FileStore(str(store), count),  # type: ignore[attr-defined]  # it comes from C++
        rank=rank,
        world_size=count,
        timeout=PATIENCE,
        device_id=device if on_gpu else None,
    )
    return Ranks(rank, count, device, meet)


def leave() -> None:
    """Part from the others."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _flat(tensors: Sequence[Tensor], parts: int) -> Tensor:
    """All of them, one after the other, with zeros up to a multiple of `parts`."""
    values = torch.cat([tensor.reshape(-1) for tensor in tensors])
    return torch.nn.functional.pad(values, (0, -len(values) % parts))


def _put(flat: Tensor, tensors: Sequence[Tensor]) -> None:
    sizes = [tensor.numel() for tensor in tensors]
    parts = torch.split(flat[: sum(sizes)], sizes)
    # One kernel on a GPU, not one a tensor.
    torch._foreach_copy_(list(tensors), [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)])


def _by_type(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        yield [tensor for tensor in tensors if tensor.dtype == dtype]
