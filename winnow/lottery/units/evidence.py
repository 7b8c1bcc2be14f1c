"""The checks of the audit that need content: each says what was asked for and what was seen."""

from collections.abc import Collection

import numpy as np

from winnow.contract.recipes import Retrain
from winnow.contract.results import Check
from winnow.lottery.selection import Masks
from winnow.lottery.state import Arrays, State, digest, network_arrays, optimizer_arrays
from winnow.lottery.training import Training


def masks_only_shrink(parent: Masks, masks: Masks) -> Check:
    """Pruned stays pruned."""
    back = sum(int((mask & ~parent[name]).sum()) for name, mask in masks.items())
    return Check(name="masks_only_shrink", ok=back == 0, evidence=f"{back} of {zeros(parent)} masked weights came back")


def masked_weights_zero(training: Training, masks: Masks) -> Check:
    """Every masked weight is +0.0 wherever the training was looked at, and at its end."""
    wanted = zeros(masks)
    seen = [point.values["zeros"] for point in training.curve] + [training.masks.zeros()]
    text = f"of {wanted} masked weights at least {int(min(seen))} were +0.0 at each of {len(seen)} looks"
    return Check(name="masked_weights_zero", ok=all(count == wanted for count in seen), evidence=text)


def values_zero(values: Arrays, masks: Masks) -> Check:
    """Every masked weight of a network that was not trained here is +0.0."""
    wanted = zeros(masks)
    found = sum(int((values[name][~mask].view(np.uint32) == 0).sum()) for name, mask in masks.items())
    return Check(
        name="masked_weights_zero", ok=found == wanted, evidence=f"{found} of {wanted} masked weights are +0.0"
    )


def state_restored(training: Training, declared: State, masks: Masks) -> Check:
    """Survivors, other parameters and buffers are, bit for bit, the state that retraining should start from."""
    wanted = {
        name: np.where(masks[name], array, 0) if name in masks else array for name, array in declared.network.items()
    }
    expected, found = digest(wanted), digest(network_arrays(training.network))
    same = f"all {len(wanted)} tensors under the mask: sha256 {found}"
    text = same if found == expected else f"sha256 {found}, not {expected}"
    return Check(name="state_at_k_restored", ok=found == expected, evidence=f"{text}, step {training.step}")


def frozen_unchanged(before: Arrays, after: Arrays, trained: Collection[str]) -> Check:
    """What is frozen is, bit for bit, what it was: parameters, and the statistics of normalisation that stands still.

    A trained normalisation's statistics move with it.
    """
    moving = {name.rpartition(".")[0] for name in trained}
    frozen = [name for name in before if name.rpartition(".")[0] not in moving]
    changed = [name for name in frozen if not np.array_equal(before[name], after[name])]
    text = f"{len(frozen)} tensors frozen, {len(trained)} trained"
    return Check(
        name="frozen_unchanged", ok=not changed, evidence=f"{text}; changed: {changed[0]}" if changed else text
    )


def optimizer_as_declared(training: Training, kept: State, retrain: Retrain) -> Check:
    """The optimizer's state is the one kept at k, or none, as the spec says."""
    found = optimizer_arrays(training.optimizer)
    wanted = kept.optimizer if retrain.optimizer == "restore" else {}
    text = f"{retrain.optimizer}: {len(found)} tensors, sha256 {digest(found)}"
    return Check(name="optimizer_as_declared", ok=digest(found) == digest(wanted), evidence=text)


def control_mask(control: Masks, ticket: Masks) -> tuple[Check, Check]:
    """The random mask is another one than the ticket's, with the ticket's count in each layer."""
    moved = sum(int((mask != ticket[name]).sum()) for name, mask in control.items())
    movable = any(mask.any() and not mask.all() for mask in ticket.values())
    counts = {name: (int(mask.sum()), int(ticket[name].sum())) for name, mask in control.items()}
    kept = all(mine == theirs for mine, theirs in counts.values())
    return (
        Check(name="control_mask_differs", ok=moved > 0 or not movable, evidence=f"{moved} positions differ"),
        Check(
            name="control_counts_kept", ok=kept, evidence=f"weights kept in {len(counts)} layers, control and ticket"
        ),
    )


def fresh_start(training: Training, initial: Arrays, masks: Masks) -> Check:
    """The re-initialised arm starts from other values than the replicate's initial ones."""
    values = network_arrays(training.network)
    live = sum(int(mask.sum()) for mask in masks.values())
    same = sum(int((values[name] == initial[name])[mask].sum()) for name, mask in masks.items())
    return Check(
        name="reinit_is_fresh", ok=same < live or not live, evidence=f"{same} of {live} surviving weights as before"
    )


def copies_differ(first: Arrays, second: Arrays) -> Check:
    """Two copies that saw different batches do not end in the same values."""
    differing = sum(int((values != second[name]).sum()) for name, values in first.items())
    total = sum(values.size for values in first.values())
    return Check(name="copies_differ", ok=differing > 0, evidence=f"{differing} of {total} values differ")


def alike_in_all_processes(training: Training) -> tuple[Check, ...]:
    """Where several processes train: masks and network are, bit for bit, the same in each of them (trap 23)."""
    ranks = training.split.ranks
    if ranks is None:
        return ()
    told = {"masks": digest(training.host_masks), "network": digest(network_arrays(training.network))}
    found = {what: set(ranks.gathered(own)) for what, own in told.items()}
    return tuple(
        Check(
            name=f"{what}_alike_in_all_processes",
            ok=len(hashes) == 1,
            evidence=f"{ranks.count} processes: sha256 {', '.join(sorted(hashes))}",
        )
        for what, hashes in found.items()
    )


def zeros(masks: Masks) -> int:
    """Masked weights in all."""
    return sum(int((~mask).sum()) for mask in masks.values())
