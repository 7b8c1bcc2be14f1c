"""A training in the middle, as bytes: safetensors, with what is not a tensor as JSON in one of them. No pickle."""

import json
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from winnow.contract.results import Point, Score
from winnow.lottery.state import State, prefixed, under
from winnow.lottery.training import Best, Pruning, Training


def pack(training: Training) -> bytes:
    """Everything from which the rest of the training, and of its result, follows."""
    notes: dict[str, Any] = {
        "step": training.step,
        "seconds": training.seconds,
        "loss_sum": float(training.loss_sum).hex(),
        "curve": [point.model_dump() for point in training.curve],
        "kept": sorted(training.kept),
        "best": None,
    }
    now = training.state()
    arrays = prefixed("now/network", now.network) | prefixed("now/optimizer", now.optimizer)
    for step, state in training.kept.items():
        arrays |= prefixed(f"kept/{step}/network", state.network) | prefixed(f"kept/{step}/optimizer", state.optimizer)
    if training.prunings:
        notes["prunings"] = training.prunings
        arrays |= prefixed("masks", training.host_masks)
    if training.best:
        notes["best"] = {"step": training.best.step, "validation": training.best.validation.model_dump()}
        arrays |= prefixed("best", training.best.network)
    return save(arrays | {"notes": np.frombuffer(json.dumps(notes).encode(), dtype=np.uint8)})


def unpack(data: bytes, training: Training) -> None:
    """Bring a training to where `pack` found it."""
    arrays = load(data)
    notes = json.loads(arrays["notes"].tobytes())
    if prunings := notes.get("prunings"):
        training.prunings = [Pruning(*pruning) for pruning in prunings]
        masks = under("masks", arrays)
        training.put_under({name: masks[name] for name in training.host_masks})  # in their order, which decides ties
    training.go_to(State(notes["step"], under("now/network", arrays), under("now/optimizer", arrays)))
    training.seconds_before = notes["seconds"]
    training.loss_sum.fill_(float.fromhex(notes["loss_sum"]))
    training.curve = [Point(**point) for point in notes["curve"]]
    training.kept = {
        step: State(step, under(f"kept/{step}/network", arrays), under(f"kept/{step}/optimizer", arrays))
        for step in notes["kept"]
    }
    if best := notes["best"]:
        training.best = Best(best["step"], Score(**best["validation"]), under("best", arrays))
