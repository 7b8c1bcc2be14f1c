"""torchvision beside any build of torch.

The wheel of torchvision is built for CUDA. Beside a CPU torch its compiled operators do not load, and the import fails
with `operator torchvision::nms does not exist`, when it registers what has no operator to belong to. Winnow uses none
of them: it takes data sets. So, where the first import fails so, the two operators are declared without a body.
"""

import gc
import importlib
import sys
from types import ModuleType

import torch

_OPERATORS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# Kept: what a library declares goes when the object goes.
_declared: list[torch.library.Library] = []


def torchvision(part: str) -> ModuleType:
    """The module `torchvision.<part>`, such as `datasets`."""
    name = f"torchvision.{part}"
    if name not in sys.modules:
        _first_import(name)
        # torch.fx.wrap leaves cycles that hold every frame above the import, and the data sets that those load later.
        gc.collect()
    return sys.modules[name]


def _first_import(name: str) -> None:
    try:
        importlib.import_module(name)
        return
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch left it out
    for operator in _OPERATORS:
        library.define(operator + _SIGNATURE)  # type: ignore[no-untyped-call]  # as above
    _declared.append(library)
    importlib.import_module(name)
