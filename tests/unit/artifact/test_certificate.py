"""The certificate as a file: canonical, and a changed digit is found."""

import hashlib
import json

import pytest

from winnow.artifact.certificate import files_by_sha256, read_certificate, seal, write_certificate
from winnow.contract.problems import InvalidFile

FOUND = {"certificate": 1, "found": {"sparsity": 0.98, "verdict": "winning", "class": "é"}, "levels": [1.0, None, True]}


@pytest.fixture
def path(tmp_path):
    write_certificate(tmp_path / "certificate.json", FOUND)
    return tmp_path / "certificate.json"


def test_what_was_written_is_read(path):
    certificate = read_certificate(path)
    assert certificate.pop("sha256")
    assert certificate == FOUND


def test_the_seal_can_be_checked_with_a_json_library_alone(path):
    certificate = json.loads(path.read_bytes())
    sha256 = certificate.pop("sha256")
    text = '{"certificate":1,"found":{"class":"é","sparsity":0.98,"verdict":"winning"},"levels":[1,null,true]}'
    assert hashlib.sha256(text.encode()).hexdigest() == sha256


def test_sealing_twice_changes_nothing():
    assert seal(seal(FOUND)) == seal(FOUND)


def test_any_changed_byte_is_found(path):
    content = path.read_bytes()
    for at in range(len(content)):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(InvalidFile, match=r"certificate\.json"):
                read_certificate(path)


@pytest.mark.parametrize("text", [b"", b"[]", b"1", b"[" * 100_000, b'{"certificate":1,"x":NaN,"sha256":"0"}', b"\xff"])
def test_what_is_no_certificate_is_refused(path, text):
    path.write_bytes(text)
    with pytest.raises(InvalidFile, match="get it again from the job"):
        read_certificate(path)


def test_another_version_is_refused(path):
    write_certificate(path, FOUND | {"certificate": 2})
    with pytest.raises(InvalidFile, match="version"):
        read_certificate(path)


def network(name, sha256):
    return {"arm": "ticket", "level": 2, "replicate": 0, "model_id": "mdl_x", "files": {name: {"sha256": sha256}}}


def test_the_files_of_points_and_of_jobs_before_are_named_as_well():
    alone = {"networks": [network("ticket.winnow", "a")], "before": [{"networks": [network("model.onnx", "b")]}]}
    of_all = files_by_sha256({"points": [alone, {"networks": [network("mask.safetensors", "c")]}]})
    assert of_all == {
        "a": ["ticket.winnow of ticket, level 2, replicate 0, mdl_x"],
        "b": ["model.onnx of ticket, level 2, replicate 0, mdl_x"],
        "c": ["mask.safetensors of ticket, level 2, replicate 0, mdl_x"],
    }


def test_a_file_of_several_networks_is_said_to_be_the_tickets_first():
    ticket = network("mask.safetensors", "m")
    control = ticket | {"arm": "random_reinit", "model_id": None}
    begun_with = {"networks": [ticket | {"model_id": "mdl_before"}]}
    (said,) = files_by_sha256({"before": [begun_with], "networks": [ticket, control]}).values()
    assert said == [
        "mask.safetensors of ticket, level 2, replicate 0, mdl_x",
        "mask.safetensors of random_reinit, level 2, replicate 0",
        "mask.safetensors of ticket, level 2, replicate 0, mdl_before",
    ]


@pytest.mark.parametrize("other", [{"networks": [{}]}, {"networks": 3}, {"points": [1]}])
def test_a_sealed_certificate_of_another_form_is_refused(other):
    with pytest.raises(InvalidFile, match="not of the form"):
        files_by_sha256(other)
