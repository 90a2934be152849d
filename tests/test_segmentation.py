"""Clips of real speech: how long, where cut, how loud, and what was left out."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from model import audio
from model.segmentation import CutClip, Plan, Reason, cut_clips, plan_clips
from model.voice_activity import HOP_SECONDS, Activity, Span, VoiceActivityDetector

SPEECH = Path(__file__).parent / "data" / "speech"
RATE = audio.SAMPLE_RATE


@pytest.fixture(scope="module")
def detector() -> VoiceActivityDetector:
    return VoiceActivityDetector()


@pytest.fixture(scope="module")
def sentences() -> list[NDArray[np.float32]]:
    """Twelve real sentences at 24 kHz, 2.8 to 7 s each."""
    read = (soundfile.read(path, dtype="float32")[0] for path in sorted(SPEECH.glob("*.flac")))
    return [audio.resample(waveform, source_rate=16_000, target_rate=RATE) for waveform in read]


def silence(seconds: float) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 1e-4, int(seconds * RATE)).astype(np.float32)


def segmented(
    waveforms: Sequence[NDArray[np.float32]], folder: Path, detector: VoiceActivityDetector
) -> tuple[Activity, Plan, list[CutClip]]:
    waveform = np.concatenate(waveforms)
    audio.write_wav(folder / "a.wav", waveform, RATE)
    activity = detector.find_speech(folder / "a.wav")
    plan = plan_clips(activity)
    loudness = audio.loudness_of(waveform, RATE)
    clips = cut_clips(folder / "a.wav", plan, folder / "clips", loudness_lufs=loudness)
    return activity, plan, clips


def test_sentences_with_pauses_come_back_as_clips(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    gap = silence(1.2)
    _, _, clips = segmented([part for sentence in sentences for part in (gap, sentence)], tmp_path, detector)
    starts = np.cumsum([len(gap) + len(sentence) for sentence in sentences]) / RATE
    assert len(clips) == len(sentences)
    for clip, end, sentence in zip(clips, starts, sentences, strict=True):
        assert end - len(sentence) / RATE - 0.2 <= clip.start_seconds
        assert clip.start_seconds + clip.duration_seconds <= end + 0.2


def test_clips_are_mono_wavs_of_2_to_12_seconds_that_begin_and_end_silent(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    _, _, clips = segmented([part for one in sentences for part in (one, silence(0.3))], tmp_path, detector)
    assert len(clips) > 3
    for clip in clips:
        waveform, sample_rate = audio.read_wav(clip.path)
        assert sample_rate == RATE
        assert len(waveform) / RATE == pytest.approx(clip.duration_seconds)
        assert 2 <= clip.duration_seconds <= 12
        edges = np.concatenate([waveform[:480], waveform[-480:]])
        assert np.sqrt(np.mean(edges**2)) < 0.05 * np.sqrt(np.mean(waveform**2))


def test_unbroken_speech_is_cut_where_it_is_quiet_and_nothing_is_lost(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    trimmed = [sentence[int(0.15 * RATE) : -int(0.2 * RATE)] for sentence in sentences]
    activity, plan, clips = segmented(trimmed, tmp_path, detector)
    assert max(clip.duration_seconds for clip in clips) <= 12
    assert plan.usable_seconds > 0.97 * activity.duration_seconds
    speech_power = float(np.mean(activity.power))
    for before, after in pairwise(plan.spans):
        assert before.end_seconds <= after.start_seconds
        step = int(before.end_seconds / 0.008)
        assert activity.power[step - 3 : step + 3].mean() < 0.03 * speech_power


def test_a_whole_file_of_1_to_2_seconds_is_a_clip_and_a_shorter_one_is_left_out(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    for seconds, expected in ((1.5, 1), (0.8, 0)):
        start = int(0.3 * RATE)
        _, plan, clips = segmented([sentences[0][start : start + int(seconds * RATE)]], tmp_path, detector)
        assert len(clips) == expected
        assert all(1 <= clip.duration_seconds <= 2 for clip in clips)
    assert [part.reason for part in plan.left_out] == [Reason.TOO_SHORT]
    assert plan.left_out[0].seconds == pytest.approx(0.8, abs=0.05)


def test_what_is_left_out_adds_up_to_the_file(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    word = sentences[0][int(0.1 * RATE) : int(0.9 * RATE)]
    activity, plan, _ = segmented(
        [silence(4), sentences[1], silence(3), word, silence(4), sentences[2]], tmp_path, detector
    )
    left_out = {part.reason: part.seconds for part in plan.left_out}
    assert left_out[Reason.SILENCE] == pytest.approx(11, abs=0.9)
    assert left_out[Reason.TOO_SHORT] == pytest.approx(1, abs=0.4)
    assert plan.usable_seconds + sum(left_out.values()) == pytest.approx(activity.duration_seconds)


def test_a_short_answer_stays_with_its_neighbour() -> None:
    speech = (
        Span(start_seconds=1.0, end_seconds=5.0),
        Span(start_seconds=6.0, end_seconds=6.5),
        Span(start_seconds=9.0, end_seconds=14.0),
    )
    activity = Activity(duration_seconds=16.0, speech=speech, power=np.full(2000, 1e-6, np.float32))
    spans = plan_clips(activity).spans
    assert [(span.start_seconds, span.end_seconds) for span in spans] == [
        (pytest.approx(0.85), pytest.approx(6.65)),
        (pytest.approx(8.85), pytest.approx(14.15)),
    ]


def test_no_speech_gives_no_clips(tmp_path: Path, detector: VoiceActivityDetector) -> None:
    activity, plan, clips = segmented([silence(5)], tmp_path, detector)
    assert (activity.speech, plan.spans, clips) == ((), (), [])
    assert [(part.reason, round(part.seconds)) for part in plan.left_out] == [(Reason.SILENCE, 5)]


def test_a_quiet_file_with_rumble_and_an_offset_is_levelled_and_cleared(
    sentences: list[NDArray[np.float32]], tmp_path: Path, detector: VoiceActivityDetector
) -> None:
    quiet = np.concatenate([*sentences[:2], silence(1), sentences[3]]) * np.float32(0.1)
    rumble = np.float32(0.02) * np.sin(2 * np.pi * 12 * np.arange(len(quiet)) / RATE).astype(np.float32)
    activity, _, clips = segmented([quiet + rumble + np.float32(0.05)], tmp_path, detector)
    pause = int(len(np.concatenate(sentences[:2])) / RATE / HOP_SECONDS) + 40
    assert activity.power[pause : pause + 40].mean() < 0.1 * 0.02**2 / 2
    joined = np.concatenate([audio.read_wav(clip.path)[0] for clip in clips])
    assert audio.loudness_of(joined, RATE) == pytest.approx(-23, abs=0.7)
    assert abs(joined.mean()) < 5e-4
    power = np.abs(np.fft.rfft(joined)) ** 2
    assert power[np.fft.rfftfreq(len(joined), 1 / RATE) < 20].sum() < 1e-3 * power.sum()
    assert np.abs(joined).max() <= 10 ** (-0.9 / 20)
