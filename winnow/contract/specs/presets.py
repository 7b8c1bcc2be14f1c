"""Methods under a name, by what they cost: the trade-off of accuracy, sparsity and search cost of Renda et al. 2020.

Search cost is how many trainings a ticket takes; what they gain is in the results that the authors of arXiv:2003.02389
published. ResNet-20 on CIFAR-10 with 10.7 % of its weights left, medians of three, dense 91.71 %:

| pruned | learning-rate rewinding | weight rewinding, epoch 12 (one-shot: 32) | to initialisation | fine-tuning |
|---|---|---|---|---|
| at once | 89.03 | 89.15 | 87.06 | 88.51 |
| 20 % a level | 91.01 | 91.00 | 86.67 | 89.33 |

- `fast` prunes at once: one retraining. There both ways of rewinding are alike, and that of the learning rate has no k.
- `full` prunes 20 % a level, ten levels down to 10.7 %. Both ways of rewinding are alike there, too. It rewinds
  weights, since only tickets of equal budget can be `winning`, and to a k that is found (`auto`), since from
  initialisation four points are lost.
- `balanced` prunes 50 % a level: as much as three levels of 20 % (0.8³ = 0.51), for a third of the retraining. No
  figure of it is published. It rewinds the learning rate, as `fast` does: searching k would cost as much as it saves.

All rank magnitudes globally, as the paper does: that is what a method does unless told otherwise.
"""

from decimal import Decimal
from typing import Any, Literal

Preset = Literal["fast", "balanced", "full"]

PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"schedule": {"name": "one_shot"}, "retraining": "lr_rewind"},
    "balanced": {"schedule": {"name": "iterative", "rate": Decimal("0.5")}, "retraining": "lr_rewind"},
    "full": {"schedule": {"name": "iterative", "rate": Decimal("0.2")}, "retraining": "rewind", "rewind": "auto"},
}

WRITTEN_OUT = ("schedule", "retraining", "rewind")
"""The fields of a method that a preset stands for."""


def without_preset(sent: Any) -> Any:
    """A method as it was sent, its preset written out; fields beside the preset override it.

    Retraining and rewind point are one choice: where either is given, the preset has no say in the other.
    """
    if not isinstance(sent, dict) or not isinstance(sent.get("preset"), str) or sent["preset"] not in PRESETS:
        return sent
    rest = {name: value for name, value in sent.items() if name != "preset"}
    meant = PRESETS[sent["preset"]]
    if not rest.keys().isdisjoint({"retraining", "rewind"}):
        meant = {"schedule": meant["schedule"]}
    return meant | rest
