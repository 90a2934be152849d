"""Deliberately spoilt copies of real speech get the verdict and the words that they deserve."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from bench import spoiling
from model import audio
from model.errors import AudioError
from model.inspection import Detectors, Inspected, inspect_file
from model.metering import PeakMeter
from model.quality import Verdict

SPEECH = Path(__file__).parent / "data" / "speech"
MUSIC = Path(__file__).parent / "data" / "music" / "the-simplicity.opus"
RATE = 16_000
Waveform = NDArray[np.float32]


@pytest.fixture(scope="module")
def detectors() -> Detectors:
    return Detectors()


@pytest.fixture(scope="module")
def speech() -> Waveform:
    """About half a minute of real speech at 16 kHz with short pauses."""
    paths = sorted(SPEECH.glob("*.flac"))[:7]
    return np.concatenate([soundfile.read(path, dtype="float32")[0] for path in paths])


def noisy(speech: Waveform, snr_db: float) -> Waveform:
    level = np.sqrt(np.mean(speech**2)) * 10 ** (-snr_db / 20)
    return speech + np.random.default_rng(0).normal(0, level, len(speech)).astype(np.float32)


def telephone(speech: Waveform) -> Waveform:
    narrow = audio.resample(speech, source_rate=RATE, target_rate=8_000)
    return audio.resample(narrow, source_rate=8_000, target_rate=RATE)


def music(speech: Waveform) -> Waveform:
    waveform = np.asarray(soundfile.read(MUSIC, dtype="float32")[0])
    return audio.resample(waveform, source_rate=48_000, target_rate=RATE)


def with_music(speech: Waveform, *, below_db: float) -> Waveform:
    return spoiling.with_music(speech, music(speech), below_db)


def echoing(speech: Waveform) -> Waveform:
    wide = audio.resample(speech, source_rate=RATE, target_rate=audio.SAMPLE_RATE)
    return audio.resample(spoiling.reverberant(wide, 0.8) / 2, source_rate=audio.SAMPLE_RATE, target_rate=RATE)


SPOILT: dict[str, tuple[Callable[[Waveform], Waveform], Verdict, str]] = {
    "nothing": (lambda speech: speech, Verdict.GOOD, "nothing to mend"),
    "full scale": (lambda speech: speech / np.abs(speech).max(), Verdict.GOOD, "nothing to mend"),
    "some noise": (lambda speech: noisy(speech, 25), Verdict.USABLE, "dB above it"),
    "much noise": (lambda speech: noisy(speech, 10), Verdict.POOR, "dB above it"),
    "telephone": (telephone, Verdict.POOR, "like a telephone"),
    "clipped": (lambda speech: np.clip(speech * 6, -1, 1), Verdict.POOR, "is clipped"),
    "quiet": (lambda speech: speech * 10 ** (-25 / 20), Verdict.USABLE, "Very quiet"),
    "very quiet": (lambda speech: speech * 10 ** (-38 / 20), Verdict.POOR, "Very quiet"),
    "two thirds silence": (lambda speech: np.concatenate([speech, 0 * speech, 0 * speech]), Verdict.USABLE, "Only"),
    "clipped and turned down": (lambda speech: np.clip(speech * 6, -1, 1) * 0.7, Verdict.POOR, "is clipped"),
    "music": (music, Verdict.REJECTED, "No speech was found in My talk, only music."),
    "loud music under it": (lambda speech: with_music(speech, below_db=10), Verdict.POOR, "Music plays under"),
    "soft music under it": (lambda speech: with_music(speech, below_db=20), Verdict.POOR, "Music plays under"),
    "an echo": (echoing, Verdict.POOR, "The room echoes"),
    "long pauses": (
        lambda speech: np.concatenate([speech, np.zeros(len(speech) // 2, np.float32)]),
        Verdict.USABLE,
        "long pauses take",
    ),
    "silence": (lambda speech: 0 * speech, Verdict.REJECTED, "No speech was found in My talk"),
    "hardly anything": (lambda speech: speech[:300], Verdict.REJECTED, "No speech was found"),
    "a block and a little more": (
        lambda speech: np.tile(speech, 2)[: 20 * RATE + 100],
        Verdict.GOOD,
        "nothing to mend",
    ),
    "a word": (lambda speech: speech[2_000:10_000], Verdict.REJECTED, "too short"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_wrong_is_said(kind: str, speech: Waveform, tmp_path: Path, detectors: Detectors) -> None:
    spoil, verdict, words = SPOILT[kind]
    found = inspected(spoil(speech), tmp_path, detectors)
    assert (found.report.verdict, words in found.report.reason) == (verdict, True), found.report.reason
    assert all(finding.advice for finding in found.report.findings)
    assert bool(found.clips) == (verdict != Verdict.REJECTED)


def inspected(waveform: Waveform, folder: Path, detectors: Detectors) -> Inspected:
    soundfile.write(folder / "upload", waveform, RATE, format="WAV")
    return inspect_file(folder / "upload", folder / "work", name="My talk", detectors=detectors)


@pytest.mark.parametrize("snr_db", [10, 20, 30])
def test_noise_is_measured(snr_db: int, speech: Waveform, tmp_path: Path, detectors: Detectors) -> None:
    report = inspected(noisy(speech, snr_db), tmp_path, detectors).report
    assert report.snr_db == pytest.approx(snr_db, abs=2)


def test_the_report_tells_where_the_seconds_went(speech: Waveform, tmp_path: Path, detectors: Detectors) -> None:
    silence = np.zeros(10 * RATE, np.float32)
    found = inspected(np.concatenate([silence, speech]), tmp_path, detectors)
    report, clips = found.report, found.clips
    assert report.usable_seconds == pytest.approx(sum(clip.duration_seconds for clip in clips), abs=0.01)
    assert report.usable_seconds <= len(speech) / RATE
    assert report.usable_seconds + sum(part.seconds for part in report.left_out) == pytest.approx(
        report.recording.duration_seconds
    )
    assert 0.8 * len(speech) / RATE < report.speech_seconds <= report.usable_seconds
    assert all(clip.path.is_relative_to(tmp_path / "work" / "clips") for clip in clips)


def test_a_truncated_file_says_so_and_keeps_its_speech(speech: Waveform, tmp_path: Path, detectors: Detectors) -> None:
    data = audio.encode(speech, RATE, audio.EncodedFormat(container="mp3", sample_rate=44_100))
    (tmp_path / "cut.mp3").write_bytes(data[: len(data) // 2])
    found = inspect_file(tmp_path / "cut.mp3", tmp_path / "work", detectors=detectors)
    assert (found.report.verdict, bool(found.clips)) == (Verdict.USABLE, True)
    assert "cut short" in found.report.reason


@pytest.mark.parametrize(("room", "expected"), [(0.0, (0.1, 0.27)), (0.3, (0.27, 0.4)), (0.8, (0.45, 0.7))])
def test_the_room_is_measured(
    room: float, expected: tuple[float, float], speech: Waveform, tmp_path: Path, detectors: Detectors
) -> None:
    wide = audio.resample(speech, source_rate=RATE, target_rate=audio.SAMPLE_RATE)
    heard = spoiling.reverberant(wide, room, direct_db=3) / 2 if room else wide
    narrow = audio.resample(heard, source_rate=audio.SAMPLE_RATE, target_rate=RATE)
    seconds = inspected(narrow, tmp_path, detectors).report.decay_seconds
    assert seconds is not None
    assert expected[0] < seconds < expected[1]


def test_speech_under_a_limiter_is_not_called_clipped(speech: Waveform) -> None:
    meter = PeakMeter()
    meter.feed(np.tanh(4 * speech)[None] * np.float32(0.8))
    assert meter.clipping_ratio == 0


def test_what_is_no_sound_raises(tmp_path: Path, detectors: Detectors) -> None:
    (tmp_path / "a.wav").write_text("words, not sound\n" * 100)
    with pytest.raises(AudioError, match=r"a\.wav is not a sound file"):
        inspect_file(tmp_path / "a.wav", tmp_path / "work", detectors=detectors)


def test_importing_it_loads_no_heavy_library() -> None:
    modules = (
        "inspection, quality, speakers, spoken_language, segmentation, audio, transcription, references, evaluation"
    )
    program = (
        f"import sys; from model import {modules};"
        "heavy = {'torch', 'onnxruntime', 'faster_whisper', 'librosa', 'scipy', 'av', 'pydub', 'pyworld'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=SPEECH.parents[2])
    assert (done.returncode, done.stderr) == (0, "")
