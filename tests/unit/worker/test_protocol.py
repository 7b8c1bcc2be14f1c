"""One JSON object a line, both ways."""

from pathlib import Path

import pytest

from tests.support.fabricated import fabricated
from tests.support.workers import resolved
from winnow.contract.problems import Reason
from winnow.contract.results import Point
from winnow.plan import Pending, plan
from worker.protocol import (
    NAMES,
    Checkpoint,
    Do,
    Done,
    Failed,
    Message,
    Progress,
    Ready,
    StopOrder,
    Stopped,
    decode,
    encode,
)

SPEC = {
    "kind": "train",
    "dataset": "digits",
    "model": "lenet_300_100",
    "train": {"optimizer": {"name": "adam", "lr": 0.002}},
}


def messages() -> tuple[Message, ...]:
    step = plan(resolved(SPEC), {})
    assert isinstance(step, Pending)
    unit = step.units[0]
    here = Path("/scratch with space")
    return (
        Do(unit=unit, inputs={"start/graph.onnx": here / "g"}, outputs=here, checkpoints=here, checkpoint=None),
        StopOrder(checkpoint=True),
        Ready(numerics="cpu AuthenticAMD AVX2 torch 2.13.0+cpu"),
        Progress(done=3, of=10, point=Point(step=3, values={"validation_loss": 0.1})),
        Checkpoint(path=here / "c", step=3),
        Done(result=fabricated(unit, {})),
        Stopped(),
        Failed(reason=Reason.BUG, detail="one line\nand another", trace="Traceback …"),
    )


@pytest.mark.parametrize("message", messages(), ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


def test_every_kind_of_message_is_tried() -> None:
    assert {type(message) for message in messages()} == set(NAMES.values())


def test_a_unit_keeps_its_key_on_the_way() -> None:
    sent = messages()[0]
    arrived = decode(encode(sent))
    assert isinstance(sent, Do)
    assert isinstance(arrived, Do)
    assert arrived.unit.key == sent.unit.key


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"3", b"{}", b'{"hello": {}}', b'{"stop": {}, "do": {}}', b'{"stop": 1}']
)
def test_anything_else_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what exactly is wrong with noise does not matter
        decode(line)
