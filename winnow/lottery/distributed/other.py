"""Every process of a unit but the first: `python -m winnow.lottery.distributed.other`.

One order comes on standard input. The process ends when that ends, however the first process came to its end.
"""

import os
import signal
import sys
import threading
import traceback
from typing import NoReturn

import torch

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import Reason
from winnow.lottery.distributed.orders import Failure, Order
from winnow.lottery.distributed.ranks import Ranks, join, leave
from winnow.lottery.distributed.workspaces import OtherWorkspace
from winnow.lottery.faults import told_as_ends
from winnow.lottery.units import ProcessLost, UnitFailed, Warm, run, settle

STANDARD_INPUT = 0


def main() -> NoReturn:
    """Take part in one unit, then wait for the end of the first process: nothing more is asked of this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which ends this one
    order = Order.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    try:
        take_part(order)
    except UnitFailed as failed:
        _give_up(order, Failure(reason=failed.reason, detail=failed.detail))
    except ProcessLost:  # as if it were gone: without a word for the first process, which counts a loss
        traceback.print_exc()
        os._exit(1)
    except Exception as error:  # told to the first process, whose outcome it is
        traceback.print_exc()
        _give_up(order, Failure(reason=Reason.BUG, detail=f"{type(error).__name__}: {error}"))
    while True:
        signal.pause()


def take_part(order: Order) -> None:
    """Do the unit with the others."""
    unit = order.unit
    device = torch.device("cuda", order.rank) if unit.inputs.resource == "gpu" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)  # before anything is tried on it: the first GPU is the first process's
    settle(unit.inputs.threads, unit.inputs.resource)
    order.ready.touch()
    with told_as_ends(unit):
        ranks = join(order.rank, unit.processes, order.store, device, lambda _beat: order.loaded.touch())
        run(unit, OtherWorkspace(order.inputs, order.outputs, ranks), _warm(order, ranks))
        leave()


def _warm(order: Order, ranks: Ranks) -> Warm:
    return Warm(order.data_dir, order.resident_bytes, order.decoders, ranks)


def _end_with_the_first() -> NoReturn:
    while os.read(STANDARD_INPUT, 1024):
        pass
    os._exit(0)  # in the middle of a training: nobody wants what it makes, and there is nothing to clean up


def _give_up(order: Order, failure: Failure) -> NoReturn:
    """End at once: the others wait for this process until its connections are closed."""
    write_atomically(order.failure, [failure.model_dump_json().encode()])
    os._exit(1)


if __name__ == "__main__":
    main()
