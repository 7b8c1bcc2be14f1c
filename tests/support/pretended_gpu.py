"""A GPU for tests on machines without one: tensors that say they are on it, and compute in main memory.

What fails on a real one fails here: an operation on tensors of two devices, values taken as an array before they were
copied back, a random number drawn on the device, an operation that CUDA has no deterministic form of. And what is read
before it is written is NaN. Not here: autocast, several processes, and that kernels round otherwise.

Torch itself is told that they are on `meta`, whose operations it leaves to Python; whoever asks a tensor hears `cuda`.
"""

from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn.utils import clip_grad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
GPU, HOST = torch.device("cuda", 0), torch.device("cpu")
TAKES_BOTH = {aten.copy_.default, aten._to_copy.default, aten.index.Tensor, aten.index_put_.default}
"""Copies, and values looked up by indices in main memory; in any operation numbers may be there, tensors of no axis."""

WITHOUT_DETERMINISTIC_FORM = (
    *("_adaptive_avg_pool2d_backward", "adaptive_max_pool2d_backward", "avg_pool3d_backward", "cumsum", "histc"),
    *("max_pool3d_with_indices_backward", "max_unpool2d", "grid_sampler_2d_backward", "nll_loss2d_forward", "put_"),
    *("bincount", "kthvalue", "median", "reflection_pad2d_backward", "replication_pad2d_backward", "scatter_reduce"),
    *("upsample_bicubic2d_backward", "upsample_bilinear2d_backward", "_ctc_loss_backward", "_embedding_bag_backward"),
)
"""See the page of `torch.use_deterministic_algorithms`."""


class OnGpu(Tensor):
    """A tensor that says it is on the GPU, around one in main memory."""

    device = property(lambda _: GPU)
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        outside = torch.empty_strided(held.shape, held.stride(), dtype=held.dtype, device="meta")
        tensor = Tensor._make_subclass(cls, outside)
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function, _types, args=(), kwargs=None):
        raise AssertionError(f"{function} was called where no GPU is pretended any more")


class _Operations(TorchDispatchMode):
    """Operations as CUDA takes them: `seen` counts those that were done on the GPU."""

    _mode_key = torch._C._TorchDispatchModeKey.FAKE  # so that torch does not look for a driver

    def __init__(self, calls):
        super().__init__()
        self.calls, self.seen = calls, Counter()

    def __torch_dispatch__(self, function, _types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        on_gpu = [tensor for tensor in tensors if isinstance(tensor, OnGpu)]
        asked = None if kwargs.get("device") is None else torch.device(kwargs["device"])
        if asked is not None and asked.type == "meta" and self.calls.backward:
            asked = GPU  # zeros that torch makes beside a gradient, where it believes that to be
        there = bool(on_gpu) if asked is None else asked.type == "cuda"
        if on_gpu or there:
            self._check(function, args, kwargs, tensors)
            self.seen[function.overloadpacket.__name__] += 1
        if there and asked is not None:
            kwargs["device"] = HOST
        around = {id(tensor.held): tensor for tensor in on_gpu}
        held_args, held_kwargs = tree_map_only(OnGpu, lambda tensor: tensor.held, (args, kwargs))

        def told(tensor):
            if id(tensor) in around or not there or any(tensor is given for given in tensors):
                return around.get(id(tensor), tensor)
            return OnGpu(tensor)

        return tree_map_only(Tensor, told, function(*held_args, **held_kwargs))

    @staticmethod
    def _check(function, args, kwargs, tensors):
        name = function.overloadpacket.__name__
        here = [tensor for tensor in tensors if not isinstance(tensor, OnGpu) and tensor.ndim]
        if here and (function not in TAKES_BOTH or (function is aten.index.Tensor and not isinstance(args[0], OnGpu))):
            raise RuntimeError(f"Expected all tensors to be on the same device, and {name} is given {here[0].device}'s")
        if name in WITHOUT_DETERMINISTIC_FORM and torch.are_deterministic_algorithms_enabled():
            raise RuntimeError(f"{name} does not have a deterministic implementation")
        if torch.Tag.nondeterministic_seeded in function.tags and kwargs.get("generator") is None:
            raise RuntimeError(f"{name} draws from the GPU's own generator")


class _Calls(TorchFunctionMode):
    """Calls from Python, before torch asks itself for a driver."""

    backward = False

    def __torch_function__(self, function, _types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is Tensor.pin_memory:
            return args[0]
        if function is Tensor.to and len(args) > 1 and isinstance(args[1], OnGpu):
            return args[0].to(GPU, args[1].dtype)
        args = tuple(self._with_index(value) for value in args)
        kwargs = {name: self._with_index(value) for name, value in kwargs.items()}
        if function is torch.tensor and kwargs.get("device") == GPU:
            return torch.tensor(*args, **kwargs | {"device": HOST}).to(GPU)
        if function not in {torch.autograd.grad, Tensor.backward}:
            return function(*args, **kwargs)
        self.backward = True
        try:
            return function(*args, **kwargs)
        finally:
            self.backward = False

    @staticmethod
    def _with_index(value):
        return GPU if isinstance(value, str | torch.device) and str(value) == "cuda" else value


@contextmanager
def pretended_gpu(monkeypatch):
    """A GPU, in here; gives how often each operation was done on it."""
    for name, value in {"is_available": True, "get_device_name": "pretended", "device_count": 1}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # tensors of inference can not be wrapped
    monkeypatch.setattr(clip_grad, "_device_has_foreach_support", lambda _device: True)
    monkeypatch.setattr(clip_grad, "_has_foreach_support", lambda _tensors, _device: True)
    monkeypatch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    monkeypatch.setattr(torch.utils, "deterministic", SimpleNamespace())  # so that nobody turns it off
    calls = _Calls()
    operations = _Operations(calls)
    with calls, operations:
        yield operations.seen
