"""The packed ticket: lossless, the same bytes for the same content, and refused whenever it is not sound."""

import json
import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.support.networks import LINEAR, PERCEPTRON
from tests.support.tensors import by_name, networks, same
from winnow.artifact import sections
from winnow.artifact.sections import Encoding, Section
from winnow.artifact.ticket import pack, read_ticket, unpack, write_ticket
from winnow.contract.problems import InvalidFile
from winnow.contract.values import canonical_json

MASKS, WEIGHTS = LINEAR.masked(0.3)
PACKED = pack(LINEAR.header, MASKS, WEIGHTS)


@given(networks())
def test_every_bit_comes_back_whatever_the_shapes_and_densities(network):
    masks, weights = network
    ticket = unpack(pack(LINEAR.header, masks, weights))
    assert ticket.header == LINEAR.header
    assert same(ticket.masks, by_name(masks))
    assert same(ticket.weights, by_name(weights))


@given(networks())
def test_the_bytes_do_not_depend_on_the_order_of_names(network):
    masks, weights = network
    other = pack(LINEAR.header, dict(reversed(masks.items())), dict(reversed(weights.items())))
    assert pack(LINEAR.header, masks, weights) == other


@pytest.mark.parametrize("bits", [0x80000000, 0x00000001, 0x807FFFFF, 0x7FC01234, 0xFF800001, 0x7F800000])
def test_signed_zeros_denormals_infinities_and_nan_payloads_survive(bits):
    weights = {"a": np.array([bits, 0], np.uint32).view(np.float32)}
    back = unpack(pack(LINEAR.header, {"a": np.array([True, False])}, weights)).weights["a"]
    assert list(back.view(np.uint32)) == [bits, 0]


def test_a_sparse_network_takes_little_more_than_its_surviving_values():
    masks, weights = PERCEPTRON.masked(0.05)
    kept = sum(int(mask.sum()) for mask in masks.values())
    dense = sum(weights[name].nbytes for name in weights if name not in masks)
    head = len(sections.split(pack(PERCEPTRON.header, masks, weights))[b"HEAD"].payload)
    assert len(pack(PERCEPTRON.header, masks, weights)) - head - dense < 4.5 * kept + 300


def test_what_is_read_can_be_changed_in_place():
    ticket = unpack(PACKED)
    assert all(array.flags.writeable for array in (*ticket.masks.values(), *ticket.weights.values()))


@pytest.mark.parametrize("weights", [{}, {"fc.weight": np.ones((3, 20), np.float32)}], ids=["missing", "not zero"])
def test_masks_and_weights_that_do_not_belong_together_are_not_written(tmp_path, weights):
    with pytest.raises(ValueError, match=r"fc\.weight"):
        write_ticket(tmp_path / "ticket.winnow", LINEAR.header, MASKS, weights)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_refused_with_its_name_and_what_to_do(tmp_path):
    path = tmp_path / "ticket.winnow"
    path.write_bytes(PACKED[:-1])
    with pytest.raises(InvalidFile, match=r"ticket\.winnow: .*Get the file again"):
        read_ticket(path)


def test_a_ticket_cut_off_anywhere_is_refused():
    for at in range(len(PACKED)):
        with pytest.raises(InvalidFile):
            unpack(PACKED[:at])


def test_a_flip_of_any_bit_anywhere_is_refused():
    for at in range(len(PACKED)):
        for bit in range(8):
            with pytest.raises(InvalidFile):
                unpack(PACKED[:at] + bytes([PACKED[at] ^ 1 << bit]) + PACKED[at + 1 :])


@pytest.mark.parametrize(
    ("damaged", "word"),
    [
        (b"", "no ticket"),
        (b"PK\x03\x04" + PACKED, "no ticket"),
        (PACKED[:8] + b"\x02\0\0\0" + PACKED[12:], "version 2, and this Winnow reads version 1"),
        (PACKED + b"\0", "1 bytes follow"),
        (PACKED[:12] + PACKED[PACKED.index(b"MASK") :], "section HEAD is missing"),
        (PACKED[:16] + b"\x01" + PACKED[17:], "unknown way"),
        (PACKED[:20] + b"\xff" * 8 + PACKED[28:], "claims 18446744073709551615 bytes"),
    ],
)
def test_the_refusal_says_what_is_wrong(damaged, word):
    with pytest.raises(InvalidFile, match=word):
        unpack(damaged)


# From here on, files by somebody who knows how to make checksums.


def with_section(name, section):
    return sections.join(sections.split(PACKED) | {name: section})


def with_header(**changes):
    header = json.loads(sections.split(PACKED)[b"HEAD"].payload)
    return with_section(b"HEAD", Section(Encoding.RAW, canonical_json(header | changes)))


def entry(name="fc.weight", dtype="F32", shape=(3, 20), kept=18):
    return {"name": name, "dtype": dtype, "shape": list(shape), "kept": kept}


KEPT = int(MASKS["fc.weight"].sum())
BIAS = entry("fc.bias", "F32", (3,), None)
TENSORS = {
    "a shape beyond memory": [BIAS, entry(shape=(2**28, 2**28))],
    "many tensors beyond memory": [entry(f"{i:09}", shape=(2**28,), kept=0) for i in range(9)],
    "a dense tensor beyond memory": [entry(shape=(2**28,), kept=None)],
    "nothing in a shape that no array has": [entry(shape=(0, *[2**28] * 5), kept=0)],
    "too many axes": [BIAS, entry(shape=(1,) * 64)],
    "a negative size": [BIAS, entry(shape=(-3, -20))],
    "a size in words": [BIAS, entry() | {"shape": ["3", "20"]}],
    "a size that is no whole number": [BIAS, entry() | {"shape": [3.5, 20]}],
    "a size that is true": [BIAS, entry() | {"shape": [True, 60]}],
    "fewer positions than bits": [BIAS, entry(shape=(3, 10), kept=KEPT)],
    "more positions than bits": [BIAS, entry(shape=(30, 20), kept=KEPT)],
    "more kept than there are": [BIAS, entry(kept=61)],
    "fewer kept than ones": [BIAS, entry(kept=KEPT - 1)],
    "more kept than ones": [BIAS, entry(kept=KEPT + 1)],
    "kept below nothing": [BIAS, entry(kept=-1)],
    "a masked tensor of doubles": [BIAS, entry(dtype="F64", kept=KEPT)],
    "an unknown type": [BIAS | {"dtype": "BF16"}, entry(kept=KEPT)],
    "a type of another width": [BIAS | {"dtype": "F64"}, entry(kept=KEPT)],
    "a name twice": [BIAS, BIAS, entry(kept=KEPT)],
    "names out of order": [entry(kept=KEPT), BIAS],
    "no name": [entry("", shape=(3,), kept=None), entry(kept=KEPT)],
    "a name that safetensors keeps": [entry("__metadata__", shape=(3,), kept=None), entry(kept=KEPT)],
    "a tensor missing": [entry(kept=KEPT)],
    "no list": {},
}


@pytest.mark.parametrize("tensors", TENSORS.values(), ids=TENSORS)
def test_a_header_that_does_not_fit_the_sections_is_refused_without_making_room(tensors):
    data = with_header(tensors=tensors)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidFile):
            unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def frame(content, **options):
    return zstandard.ZstdCompressor(**options).compress(content)


# Magic, a descriptor that announces 8 bytes of content size, and a last block of one byte repeated 2^20 times.
BOMB = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\x03\x00\x80\x00"

SECTIONS = {
    "no JSON": (b"HEAD", Section(Encoding.RAW, b"{")),
    "JSON nested without end": (b"HEAD", Section(Encoding.RAW, b"[" * 100_000)),
    "JSON with spaces": (b"HEAD", Section(Encoding.RAW, b'{"architecture": "x"}')),
    "a header too long": (b"HEAD", Section(Encoding.RAW, b" " * (sections.MAX_HEADER + 1))),
    "a number that is none": (b"HEAD", Section(Encoding.RAW, b'{"a":NaN}')),
    "a key twice": (b"HEAD", Section(Encoding.RAW, b'{"a":1,"a":1}')),
    "no UTF-8": (b"HEAD", Section(Encoding.RAW, b'{"a":"\xff"}')),
    "a frame that announces a terabyte": (b"REST", Section(Encoding.ZSTD, BOMB)),
    "gaps that announce a terabyte": (b"MASK", Section(Encoding.GAPS, BOMB)),
    "a frame without its size": (b"REST", Section(Encoding.ZSTD, frame(bytes(12), write_content_size=False))),
    "a frame of another size": (b"REST", Section(Encoding.ZSTD, frame(bytes(13)))),
    "more behind the frame": (b"REST", Section(Encoding.ZSTD, frame(bytes(12)) + b"hidden")),
    "no frame": (b"REST", Section(Encoding.ZSTD, b"not zstd")),
    "a frame cut off": (b"REST", Section(Encoding.ZSTD, frame(bytes(12))[:-3])),
    "exponents missing": (b"EXPO", Section(Encoding.RAW, b"")),
    "fractions missing": (b"MANT", Section(Encoding.RAW, b"")),
    "gaps beyond the mask": (b"MASK", Section(Encoding.GAPS, frame(bytes([200] * KEPT)))),
    "gaps that end in a skip": (b"MASK", Section(Encoding.GAPS, frame(bytes([0] * (KEPT - 1) + [255])))),
    "bits behind the mask": (b"MASK", Section(Encoding.RAW, b"\xff" * 8)),
}


def test_nothing_hides_behind_an_empty_frame():
    empty = frame(b"")
    assert sections.content(Section(Encoding.ZSTD, empty), 0, 0) == b""
    for more in (b"hidden", empty, b"\0"):
        with pytest.raises(InvalidFile, match="more follows"):
            sections.content(Section(Encoding.ZSTD, empty + more), 0, 0)


def test_what_no_reader_takes_is_not_written():
    header = LINEAR.header.model_copy(update={"classes": tuple(f"{number} {'x' * 500}" for number in range(10_000))})
    with pytest.raises(ValueError, match="shorten the class names"):
        pack(header, MASKS, WEIGHTS)


@pytest.mark.parametrize(("name", "section"), SECTIONS.values(), ids=SECTIONS)
def test_a_section_that_lies_is_refused_without_making_room(name, section):
    data = with_section(name, section)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidFile):
            unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_boolean_that_is_neither_0_nor_1_is_refused():
    data = pack(LINEAR.header, {}, {"flag": np.array([True])})
    changed = sections.split(data) | {b"REST": Section(Encoding.RAW, b"\x07")}
    with pytest.raises(InvalidFile, match="0 or 1"):
        unpack(sections.join(changed))


@given(st.sampled_from([b"HEAD", b"MASK", b"EXPO", b"MANT", b"REST"]), st.data())
def test_random_sections_are_refused_or_are_a_ticket(name, data):
    encoding = data.draw(st.sampled_from(sorted(sections.ALLOWED[name])))
    stored = sections.split(PACKED)[name].payload
    payload = data.draw(st.binary(max_size=80) | st.binary(min_size=len(stored), max_size=len(stored)))
    section = Section(encoding, payload if encoding is Encoding.RAW else frame(payload))
    try:
        ticket = unpack(with_section(name, section))
    except InvalidFile:
        return
    assert same(unpack(pack(ticket.header, ticket.masks, ticket.weights)).weights, ticket.weights)


def test_a_later_writer_may_add_to_the_header():
    assert unpack(with_header(comment="from 2030")).header == LINEAR.header
