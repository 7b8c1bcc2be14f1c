from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from winnow.contract.problems import InvalidFile
from winnow.lottery.conversion import convert

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1, 2])}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"module." + name: value for name, value in STATE.items()},
        {"model": {"state_dict": {"module." + name: value for name, value in STATE.items()}}},
    ],
)
def test_state_dicts_are_found_in_what_scripts_save(content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pt")

    shapes = convert(tmp_path / "net.pt", tmp_path / "net.safetensors")

    assert shapes == {"fc.weight": (2, 3), "fc.bias": (2,)}
    written = load_file(tmp_path / "net.safetensors")
    assert {name: value.tolist() for name, value in written.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_views_of_one_storage_and_other_strides_are_written_out(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": base, "b": base.T}, tmp_path / "net.pt")

    convert(tmp_path / "net.pt", tmp_path / "net.safetensors")

    assert load_file(tmp_path / "net.safetensors")["b"].tolist() == base.T.tolist()


class Harm:
    """What a hostile file would do on reading."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (Path("harmed"),)  # type: ignore[return-value]  # pickle takes any callable


def test_code_in_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.weight": Harm()}, "net.pt")

    with pytest.raises(InvalidFile, match="else than tensors"):
        convert(Path("net.pt"), Path("net.safetensors"))

    assert not Path("harmed").exists()
    assert not Path("net.safetensors").exists()


def test_short_floats_become_what_numpy_has(tmp_path: Path) -> None:
    short = torch.tensor([1.5, -2.0, 0.0, 4.0]).reshape(1, 2, 1, 2).to(memory_format=torch.channels_last)
    kinds = {"a": torch.bfloat16, "b": torch.float8_e4m3fn, "c": torch.float16}
    torch.save({name: short.to(kind) for name, kind in kinds.items()}, tmp_path / "n.pt")
    convert(tmp_path / "n.pt", tmp_path / "n.safetensors")
    found = load_file(tmp_path / "n.safetensors")
    assert [found[name].dtype for name in "abc"] == [torch.float32, torch.float32, torch.float16]
    assert all(torch.equal(found[name].float(), short) for name in "abc")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.eye(3).to_sparse(),
        torch.ones(2, dtype=torch.complex64),
        torch.empty(2, device="meta"),
    ],
    ids=["sparse", "complex", "meta"],
)
def test_what_are_no_weights_is_refused_by_name(tensor: torch.Tensor, tmp_path: Path) -> None:
    torch.save({"fc.weight": tensor}, tmp_path / "net.pt")
    with pytest.raises(InvalidFile, match=r"fc\.weight is|holds something else"):
        convert(tmp_path / "net.pt", tmp_path / "net.safetensors")
    assert not (tmp_path / "net.safetensors").exists()


@pytest.mark.parametrize("content", [{0: torch.ones(1)}, {}, {"epoch": 3}, [1, 2], {"optimizer": STATE, "epoch": 1}])
def test_a_file_without_a_state_dict_says_how_to_save_one(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pt")

    with pytest.raises(InvalidFile, match=r"torch\.save\(model\.state_dict\(\)"):
        convert(tmp_path / "net.pt", tmp_path / "net.safetensors")


@pytest.mark.parametrize("data", [b"", b"not a pickle", b"PK\x03\x04broken"])
def test_what_is_no_such_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(data)

    with pytest.raises(InvalidFile):
        convert(tmp_path / "net.pt", tmp_path / "net.safetensors")
