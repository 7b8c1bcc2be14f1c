"""The predictor: what it answers, what it refuses, and what it costs."""

import io
import json
import threading

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.support.networks import CONVOLUTION, LINEAR, NORMALISED, PERCEPTRON
from winnow.artifact.graph import fill
from winnow.contract.problems import InvalidFile
from winnow.runtime.predictor import BATCH, Predictor


def model_of(network, **weights):
    return fill(network.graph, network.weights() | weights, network.header.metadata())


def file_of(pixels, kind="PNG"):
    data = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(data, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return data.getvalue()


LINEAR_MODEL = model_of(LINEAR)
PERCEPTRON_MODEL = model_of(PERCEPTRON)


def test_a_model_says_its_classes_and_preprocessing(tmp_path):
    (tmp_path / "model.onnx").write_bytes(LINEAR_MODEL)
    predictor = Predictor(tmp_path / "model.onnx")
    assert predictor.classes == LINEAR.header.classes
    assert predictor.preprocessing == LINEAR.header.preprocessing


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("network", [LINEAR, PERCEPTRON], ids=["grey", "colour"])
def test_an_image_file_and_its_pixels_get_the_same_answer(network, kind):
    predictor = Predictor(model_of(network))
    pixels = network.images(1)[0]
    grey = kind == "PNG" or network is PERCEPTRON  # WebP has no grey: three equal channels become one again
    file = file_of(pixels if grey else np.repeat(pixels, 3, axis=-1), kind)
    assert np.array_equal(predictor.predict([file]), predictor.predict([pixels]))


def test_a_jpeg_of_another_size_is_read_and_resized():
    pixels = np.full((50, 40, 3), 200, np.uint8)
    plain = np.full(PERCEPTRON.image_shape, 200, np.uint8)
    predictor = Predictor(PERCEPTRON_MODEL)
    assert np.allclose(predictor.predict([file_of(pixels, "JPEG")]), predictor.predict([plain]), atol=0.05)


def test_pixels_may_be_nested_lists_and_grey_ones_need_no_channel():
    pixels = LINEAR.images(1)[0]
    predictor = Predictor(LINEAR_MODEL)
    expected = predictor.predict([pixels])
    for same in (pixels.tolist(), pixels[..., 0], pixels[..., 0].tolist()):
        assert np.array_equal(predictor.predict([same]), expected)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 3 * BATCH + 5])
def test_each_image_of_a_batch_gets_the_answer_it_gets_alone(count):
    predictor = Predictor(PERCEPTRON_MODEL)
    images = PERCEPTRON.images(count)
    together = predictor.predict(list(images))
    assert together.shape == (count, 4)
    for row, image in zip(together, images, strict=True):
        assert np.allclose(row, predictor.predict([image])[0], rtol=1e-5, atol=1e-9)


def test_probabilities_are_float64_and_sum_to_one():
    rows = Predictor(PERCEPTRON_MODEL).predict(list(PERCEPTRON.images(20)))
    assert rows.dtype == np.float64
    assert np.allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-15)


def test_predictions_bear_names_and_the_likeliest_classes():
    predictor = Predictor(PERCEPTRON_MODEL)
    images = list(PERCEPTRON.images(3))
    found = predictor.predictions(["a.png", "b.png", "c.png"], images, top=2)
    for name, prediction, row in zip("abc", found, predictor.predict(images), strict=True):
        best = np.argsort(row)[::-1]
        assert (prediction.name, prediction.index) == (f"{name}.png", best[0])
        assert (prediction.label, prediction.probability) == (PERCEPTRON.header.classes[best[0]], row[best[0]])
        assert [(top.label, top.probability) for top in prediction.top] == [
            (PERCEPTRON.header.classes[index], row[index]) for index in best[:2]
        ]


def test_many_threads_at_once_get_the_answers_of_one():
    predictor = Predictor(PERCEPTRON_MODEL)
    images = list(PERCEPTRON.images(40))
    expected = predictor.predict(images)
    answers = [None] * 8

    def ask(place):
        answers[place] = predictor.predict(images)

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(answer, expected) for answer in answers)


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (b"", "b.png is no PNG"),
        (b"GIF89a", "b.png is no PNG"),
        (file_of(LINEAR.images(1)[0])[:50], "b.png is cut off or damaged"),
        (np.zeros((5, 5), np.uint8), "b.png: .*shape 5×5×1"),
        ([[1, 2], [3]], "b.png: .*rows"),
        (np.full((4, 5), 0.5), "b.png: .*whole numbers"),
        (np.full((4, 5), 256), "b.png: .*from 0 to 255"),
    ],
)
def test_an_image_that_cannot_be_read_is_named(image, word):
    with pytest.raises(InvalidFile, match=word):
        Predictor(LINEAR_MODEL).predictions(["a.png", "b.png"], [LINEAR.images(1)[0], image])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_diverged_is_said_to_have(value):
    model = model_of(LINEAR, **{"fc.bias": np.array([0, 0, value], np.float32)})
    with pytest.raises(InvalidFile, match="diverged in training"):
        Predictor(model).predict(list(LINEAR.images(1)))


def changed(**texts):
    return fill(LINEAR.graph, LINEAR.weights(), {k: v for k, v in (LINEAR.header.metadata() | texts).items() if v})


def with_graph(change):
    model = onnx.load_from_string(LINEAR_MODEL)
    change(model.graph)
    return model.SerializeToString()


def preprocessing(**values):
    return json.dumps(LINEAR.header.preprocessing.model_dump(mode="json") | values)


def rename_input(graph):
    graph.input[0].name = graph.node[0].input[0] = "image"


def fix_batch(graph):
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


UNFIT = {
    "nothing": b"",
    "no ONNX": b"\x89PNG\r\n\x1a\n",
    "no values": LINEAR.graph,
    "no classes": changed(classes=None),
    "no preprocessing": changed(preprocessing=None),
    "classes that are no JSON": changed(classes="[a, b"),
    "classes nested without end": changed(classes="[" * 100_000),
    "no class": changed(classes="[]"),
    "a class too many": changed(classes='["a","b","c","d"]'),
    "another size": changed(preprocessing=preprocessing(size=[5, 4])),
    "means for more channels": changed(preprocessing=preprocessing(mean=[0.5, 0.5])),
    "a deviation of 0": changed(preprocessing=preprocessing(std=[0.0])),
    "a mean that is no number": changed(preprocessing=preprocessing(mean=[float("nan")])),
    "another name of the input": with_graph(rename_input),
    "one image at a time": with_graph(fix_batch),
    "an operator that nobody knows": with_graph(lambda graph: setattr(graph.node[0], "op_type", "Winnow")),
}


@pytest.mark.parametrize("model", UNFIT.values(), ids=UNFIT)
def test_a_model_that_is_not_of_winnows_form_is_refused(model):
    with pytest.raises(InvalidFile):
        Predictor(model)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidFile, match="no model of Winnow's"):
        Predictor(tmp_path / "model.onnx")


def test_a_model_cut_off_anywhere_is_refused_or_complete(capfd):
    images = list(LINEAR.images(2))
    expected = Predictor(LINEAR_MODEL).predict(images)
    refused = 0
    for at in range(len(LINEAR_MODEL)):
        try:
            answer = Predictor(LINEAR_MODEL[:at]).predict(images)
        except InvalidFile:
            refused += 1
        else:
            assert np.array_equal(answer, expected), "only the provenance at its end may be missing"
    assert refused > 0.8 * len(LINEAR_MODEL)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("network", [LINEAR, CONVOLUTION, NORMALISED], ids=lambda network: network.name)
def test_a_flipped_byte_gives_an_answer_or_a_refusal(capfd, network):
    model, images = model_of(network), list(network.images(2))
    refused = 0
    for at in range(len(model)):
        try:
            Predictor(model[:at] + bytes([model[at] ^ 0xFF]) + model[at + 1 :]).predict(images)
        except InvalidFile:
            refused += 1
    assert refused > 0.2 * len(model)
    assert capfd.readouterr() == ("", "")
