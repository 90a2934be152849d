"""What the bench of clones counts on: what it compares with was neither trained on nor chosen by."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.clone_table import table
from bench.scoring import scale_of
from bench.sentences import SENTENCES
from bench.speaker import Speaker
from model.audio import SAMPLE_RATE, write_wav
from model.base_models import production_model
from model.sentences import TEST_SENTENCES
from playground.services.scripts import script_of

MEASURES = (
    "similarity",
    "normalized_similarity",
    "second_similarity",
    "word_error_rate",
    "naturalness",
    "dnsmos",
    "f0_mean_hz",
    "f0_sd_octaves",
    "letters_per_second",
)


def _folder(path: Path, names: list[str], seconds: float = 4.0) -> Path:
    path.mkdir()
    for name in names:
        write_wav(path / f"{name}.wav", np.zeros(int(seconds * SAMPLE_RATE), np.float32), SAMPLE_RATE)
    (path / "metadata.csv").write_text("".join(f"{name}|What {name} says\n" for name in names))
    return path


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_the_sentences_that_are_scored_are_twelve_that_nothing_is_chosen_by(language: str) -> None:
    assert len(set(SENTENCES[language])) == 12
    read = [sentence.text for sentence in script_of(language)]
    assert not set(SENTENCES[language]) & {*TEST_SENTENCES[language], *read}


def test_an_eighth_of_the_recordings_is_kept_back_another_one_by_each_seed(tmp_path: Path) -> None:
    speaker = Speaker(_folder(tmp_path / "ada", [f"{n:02}" for n in range(40)]), others=None, held_out=0.12)
    splits = [speaker.split(seed) for seed in (0, 0, 1)]
    for trained, compared in splits:
        assert (len(trained), len(compared)) == (35, 5)
        assert not set(trained) & set(compared)
    assert splits[0] == splits[1] != splits[2]


def test_others_are_compared_with_and_their_texts_are_known(tmp_path: Path) -> None:
    others = _folder(tmp_path / "others", ["1", "2", "3"])
    speaker = Speaker(_folder(tmp_path / "joined", ["all", "3"]), others=others, held_out=0.12)
    trained, compared = speaker.split(0)
    assert [path.stem for path in trained] == ["3", "all"]
    assert [path.stem for path in compared] == ["1", "2"]
    assert speaker.texts["1"] == "What 1 says"


def test_recordings_too_few_to_keep_any_back_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    speaker = Speaker(_folder(tmp_path / "joined", ["1", "2", "3"]), others=None, held_out=0.12)
    with pytest.raises(ValueError, match="left to compare with"):
        speaker.split(0)


def test_a_stranger_is_0_and_the_speaker_1() -> None:
    recordings = np.array([[1.0, 0.0], [0.8, 0.6], [0.8, -0.6]], dtype=np.float32)
    scale = scale_of(recordings, np.array([[0.0, 1.0], [0.0, -1.0]], dtype=np.float32))
    assert scale.stranger == pytest.approx(0.0)
    assert scale.normalized(scale.real) == pytest.approx(1.0)
    assert scale.normalized(scale.stranger) == pytest.approx(0.0)
    assert scale.real < float((recordings @ scale.centroid).mean()), "each is compared with the others only"


def _record(seed: int, commit: str, similarity: float) -> dict[str, Any]:
    row = dict.fromkeys(MEASURES, 0.5) | {"similarity": similarity}
    return {
        "name": f"ada-15min-seed{seed}",
        "commit": commit,
        "machine": "m",
        "recordings": 35,
        "compared_with": 5,
        "minutes": 15,
        "rows": {"recordings": row, **{f"V{number}": row for number in range(4)}},
        "stage_seconds": {"align": 3.0},
        "variety": {},
        "peak_megabytes": {},
        "worker_megabytes": {},
        "report": {"strength": 0.5, "passed_gates": False},
    }


def test_the_spread_is_that_of_seeds_of_one_commit() -> None:
    printed = table([_record(0, "a", 0.8), _record(1, "a", 0.9), _record(0, "b", 0.1)])
    assert "ada-15min (a), 2 seeds: sim 0.850 ± " in printed
    assert "(b), " not in printed
    assert "strength 0.5, does not pass the gates" in printed


def test_a_base_model_is_part_of_the_name_by_which_a_run_is_found_again() -> None:
    from bench.cloning import Run

    def name(model_id: str) -> str:
        run = Run(speaker="ada", language="en", gender="f", minutes=15, seed=0, model_id=model_id, waits=True)
        return run.name

    assert name(production_model().id) == "ada-15min-transcribed-seed0"
    assert name("tiny-2026-11-01") == "ada-tiny-2026-11-01-15min-transcribed-seed0"
