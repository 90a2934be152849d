"""The clips behind the four voices: different ones, clean ones, unlike each other, the same every time."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from model import audio
from model.engines.protocol import TrainingClip
from model.references import Traits, choose_references, measure_traits
from model.transcript_files import read_text_file

SPEECH = Path(__file__).parent / "data" / "speech"
RATE = audio.SAMPLE_RATE


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingClip]:
    """Real sentences, each as spoken, three semitones up and quicker, three down and slower, and 4 dB quieter."""
    folder = tmp_path_factory.mktemp("clips")
    spoken = {given.stem: given.text for given in read_text_file(SPEECH / "metadata.csv")}
    made = []
    for stem in sorted(spoken):
        waveform, rate = soundfile.read(SPEECH / f"{stem}.flac", dtype="float32")
        plain = audio.resample(waveform, source_rate=rate, target_rate=RATE) * np.float32(0.5)
        higher = audio.resample(plain, source_rate=RATE, target_rate=int(RATE * 2 ** (-3 / 12)))
        lower = audio.resample(plain, source_rate=RATE, target_rate=int(RATE * 2 ** (3 / 12)))
        for kind, variant in {"as spoken": plain, "higher": higher, "lower": lower, "quiet": plain * 0.6}.items():
            made.append(clip_of(variant, folder / f"{stem} {kind}.wav", spoken[stem]))
    return made


def clip_of(waveform: NDArray[np.float32], path: Path, transcript: str) -> TrainingClip:
    audio.write_wav(path, waveform, RATE)
    seconds = len(waveform) / RATE
    return TrainingClip(id=path.stem, path=path, transcript=transcript, duration_seconds=seconds)


def traits_of(clip: TrainingClip) -> Traits:
    traits = measure_traits(clip)
    assert traits is not None
    return traits


def test_traits_follow_what_was_done_to_the_sound(clips: list[TrainingClip]) -> None:
    by_id = {clip.id: clip for clip in clips}
    plain, higher, quiet = (traits_of(by_id[f"ss-noservice {kind}"]) for kind in ("as spoken", "higher", "quiet"))
    assert higher.pitch_semitones - plain.pitch_semitones == pytest.approx(3, abs=0.4)
    assert higher.pace - plain.pace == pytest.approx(3 / 12, abs=0.05)
    assert higher.melody_semitones == pytest.approx(plain.melody_semitones, abs=0.5)
    assert quiet.loudness_db - plain.loudness_db == pytest.approx(20 * np.log10(0.6), abs=0.2)


def test_four_different_clips_are_chosen_and_always_the_same(clips: list[TrainingClip]) -> None:
    chosen = choose_references(clips)
    assert len({clip.path for clip in chosen}) == 4
    assert choose_references(list(clips)) == chosen


def test_they_differ_more_than_clips_at_random(clips: list[TrainingClip]) -> None:
    usual = [clip for clip in clips if 3 <= clip.duration_seconds <= 10]
    places = np.array([traits_of(clip).place for clip in usual])
    scale = places.std(axis=0)
    drawn = [np.random.default_rng(seed).choice(len(usual), 4, replace=False) for seed in range(50)]
    chosen = np.array([traits_of(clip).place for clip in choose_references(clips)])
    at_random = [nearest(places[picks] / scale) for picks in drawn]
    assert nearest(chosen / scale) > np.quantile(at_random, 0.95)
    assert np.ptp(chosen[:, 0]) > 4, "semitones between the lowest and the highest"


@pytest.mark.parametrize("count", [8, 9, None])
@pytest.mark.parametrize("kinds", [("as spoken",), ("as spoken", "quiet")])
def test_a_clip_that_is_spoken_as_its_speaker_rarely_does_is_not_chosen(
    clips: list[TrainingClip], kinds: tuple[str, ...], count: int | None
) -> None:
    """Of few clips too."""
    usual = [clip for clip in clips if clip.id.endswith(kinds)][:count]
    rare = next(clip for clip in clips if clip.id.endswith("higher"))
    assert rare not in choose_references([*usual, rare])


def nearest(places: NDArray[np.float64]) -> float:
    """Distance of the two that are most alike."""
    return min(float(np.linalg.norm(one - other)) for one, other in combinations(places, 2))


def test_noisy_clipped_and_unusually_long_clips_are_passed_over(clips: list[TrainingClip], tmp_path: Path) -> None:
    waveform, _ = audio.read_wav(clips[0].path)
    hiss = np.random.default_rng(0).normal(0, 0.02, len(waveform)).astype(np.float32)
    text = clips[0].transcript
    bad = [
        clip_of(waveform * 0.2 + hiss, tmp_path / "noisy.wav", text),
        clip_of(np.clip(waveform * 20, -1, 1), tmp_path / "clipped.wav", text),
        clip_of(np.tile(waveform, 2), tmp_path / "long.wav", text + text),
        clip_of(np.zeros(5 * RATE, np.float32), tmp_path / "silent.wav", text),
    ]
    assert not set(bad) & set(choose_references(bad + clips))


def test_few_short_or_broken_clips_still_give_what_there_is(clips: list[TrainingClip], tmp_path: Path) -> None:
    waveform, _ = audio.read_wav(clips[0].path)
    short = [clip_of(waveform[: RATE + 100 * n], tmp_path / f"{n}.wav", "That agent") for n in range(3)]
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    broken = TrainingClip(id="b", path=tmp_path / "broken.wav", transcript="x", duration_seconds=3.0)
    assert set(choose_references([broken, *short])) == {broken, *short}
    assert set(choose_references([*short, *short])) == set(short)
    assert choose_references([]) == []
    assert len(choose_references(clips[:5], count=2)) == 2
