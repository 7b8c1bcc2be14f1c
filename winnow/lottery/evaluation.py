"""Measuring a network on a split, and when that is done."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.results import Score
from winnow.lottery.answers import Answers
from winnow.lottery.data.batches import in_order
from winnow.lottery.data.images import AnyPart, Split
from winnow.lottery.freezing import evaluating

IMAGES_AT_ONCE = 100
"""Stays near the caches: at 250 an image takes `conv2` 1.3 times as long."""

IMAGES_AT_ONCE_LINEAR = 500
"""Of networks without convolutions, whose activations are small: an image takes `lenet_300_100` a tenth less."""

VALUES_AT_ONCE_ON_GPU = 1 << 20
"""Of images on a GPU, where each batch is waited for: 341 images of CIFAR-10's size, and no fewer than 100 while those
have no more than the following."""

MOST_VALUES_ON_GPU = 1 << 26
"""100 images of 470×470 pixels in colour: of larger ones fewer are measured at once."""

MAX_POINTS = 100
"""Of a curve: so that short epochs do not spend their time on measuring."""


def points(steps: int, steps_per_epoch: int) -> frozenset[int]:
    """The steps after which a run of `steps` is measured: ends of epochs, evenly thinned to 100, and the last step."""
    epochs = steps // steps_per_epoch
    stride = max(1, -(-epochs // MAX_POINTS))
    return frozenset(range(stride * steps_per_epoch, steps, stride * steps_per_epoch)) | {steps}


def score(
    network: nn.Module,
    part: AnyPart,
    preprocessing: Preprocessing,
    beat: Callable[[], None],
    look: Callable[[Tensor, Tensor], None] = lambda _logits, _labels: None,
) -> Score:
    """Correct answers and mean loss over a whole split in evaluation mode; `beat` is called now and then.

    Every image counts once, whatever the size of the last batch (trap 27). `look` sees the logits and labels of each
    batch.
    """
    correct, loss = 0, 0.0
    with evaluating(network), torch.inference_mode():
        for images, labels in in_order(part, preprocessing, _images_at_once(network, part, preprocessing)):
            beat()
            logits = network(images)
            correct += int((logits.argmax(1) == labels).sum())
            loss += float(cross_entropy(logits, labels, reduction="sum"))
            look(logits, labels)
    return Score(correct=correct, images=len(part), loss=loss / len(part))


def full_score(network: nn.Module, part: AnyPart, split: Split, beat: Callable[[], None]) -> Score:
    """Everything that is measured on a part of this split, in one pass: top 5, superclasses, classes, calibration."""
    answers = Answers()
    found = score(network, part, split.preprocessing, beat, answers.take)
    return found.model_copy(update=answers.counts(split.superclasses)._asdict())


def _images_at_once(network: nn.Module, part: AnyPart, preprocessing: Preprocessing) -> int:
    if part.device.type == "cuda":
        height, width = preprocessing.size
        values = preprocessing.channels * height * width
        fewest = max(1, min(IMAGES_AT_ONCE, MOST_VALUES_ON_GPU // values))
        return max(fewest, VALUES_AT_ONCE_ON_GPU // values)
    convolutional = any(isinstance(module, nn.Conv2d) for module in network.modules())
    return IMAGES_AT_ONCE if convolutional else IMAGES_AT_ONCE_LINEAR
