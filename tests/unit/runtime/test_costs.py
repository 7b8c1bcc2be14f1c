"""What predictors cost: memory and threads, each asked in a process in which torch, onnx and SQL cannot be imported."""

import os
import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.networks import PERCEPTRON

MEBIBYTE = 2**20

PROGRAM = """
import os, pathlib, sys, time
sys.modules |= dict.fromkeys(("torch", "torchvision", "onnx", "sqlalchemy"))
import numpy as np
from winnow.runtime.predictor import Predictor

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

def threads():
    return len(os.listdir("/proc/self/task"))

images = list(np.zeros((256, 6, 6, 3), np.uint8))
small, model, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
read = pathlib.Path.read_bytes if sys.argv[4] == "bytes" else pathlib.Path
Predictor(small, count).predict(images)
memory, tasks = resident(), threads()
held = [Predictor(read(model), count) for _ in range(3)]
for predictor in held:
    predictor.predict(images)
busy = time.process_time()
time.sleep(0.5)
print(resident() - memory, threads() - tasks, time.process_time() - busy)
"""


def model_of(nodes, values):
    """A model of 6×6 colour images and four classes."""
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 6, 6]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4]),
    ]
    initializers = [numpy_helper.from_array(array, name) for name, array in values.items()]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for key, value in PERCEPTRON.header.metadata().items():
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString()


def of_many_values(hidden):
    """A perceptron of this width."""
    shapes = {"w1": (hidden, 108), "b1": (hidden,), "w2": (hidden, hidden), "b2": (hidden,), "w3": (4, hidden)}
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Flatten", ["input"], ["x"]),
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h1"], transB=1),
        helper.make_node("Relu", ["h1"], ["r1"]),
        helper.make_node("Gemm", ["r1", "w2", "b2"], ["h2"], transB=1),
        helper.make_node("Relu", ["h2"], ["r2"]),
        helper.make_node("Gemm", ["r2", "w3"], ["logits"], transB=1),
    ]
    return model_of(nodes, {name: random.normal(0, 0.01, shape).astype(np.float32) for name, shape in shapes.items()})


def of_large_activations():
    """Few values, and 32 channels of 128×128: 32 MiB for a batch of 16."""
    nodes = [
        helper.make_node("Pad", ["input", "pads"], ["p"]),
        helper.make_node("Conv", ["p", "w"], ["c"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "o"], ["logits"], transB=1),
    ]
    values = {"pads": np.array([0, 0, 61, 61, 0, 0, 61, 61]), "w": np.ones((32, 3, 3, 3), np.float32)}
    return model_of(nodes, values | {"o": np.ones((4, 32), np.float32)})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small model, one of 17 MiB, and one whose activations are large."""
    folder = tmp_path_factory.mktemp("models")
    contents = {"small": of_many_values(8), "many values": of_many_values(2048), "activations": of_large_activations()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def cost(models, name, count, given):
    """Resident bytes, threads, and seconds of CPU while idle, that three predictors add."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, models / "small", models / name, str(count), given],
        check=True,
        capture_output=True,
        # What glibc would keep of freed memory for later is no part of the question.
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    return tuple(map(float, done.stdout.split()))


@pytest.mark.parametrize("given", ["a path", "bytes"])
def test_each_predictor_holds_its_values_once(models, given):
    memory, _, _ = cost(models, "many values", 1, given)
    assert memory < 3 * 1.1 * (models / "many values").stat().st_size + 5 * MEBIBYTE


def test_no_batch_leaves_its_room_behind(models):
    memory, _, _ = cost(models, "activations", 1, "a path")
    assert memory < 10 * MEBIBYTE


@pytest.mark.parametrize("count", [1, 2])
def test_threads_are_bounded_and_do_not_spin(models, count):
    _, threads, busy = cost(models, "many values", count, "a path")
    assert threads == 3 * (count - 1), "each predictor has its caller's thread and count − 1 of its own"
    assert busy < 0.01
