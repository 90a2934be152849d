"""Judges one recording: decodes it, measures it, cuts it into clips."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from model.audio import Recording, decode_to_wav
from model.fingerprint import Fingerprint, fingerprint_of
from model.metering import SILENCE_LUFS
from model.music import Music, MusicDetector
from model.quality import LONG_PAUSE_SECONDS, Figures, FileReport, find
from model.reverberation import decay_seconds
from model.segmentation import TARGET_LUFS, CutClip, Plan, cut_clips, plan_clips
from model.voice_activity import HOP_SECONDS, Activity, VoiceActivityDetector

MAX_SNR_DB = 80.0
"""Reported where the pauses are digital silence."""

DIGITAL_SILENCE = 1e-10
"""Power (-100 dBFS) below which 16 bits hold nothing."""

PAUSE_GUARD_SECONDS = 0.1
MIN_PAUSES_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Detectors:
    """The networks that listen; each loads at its first use and holds no state of a recording."""

    speech: VoiceActivityDetector = field(default_factory=VoiceActivityDetector)
    music: MusicDetector = field(default_factory=MusicDetector)


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What became of one file."""

    report: FileReport
    clips: list[CutClip]
    fingerprint: Fingerprint


def inspect_file(source: Path, work_folder: Path, *, name: str | None = None, detectors: Detectors) -> Inspected:
    """Judge the recording `source` and cut it into clips.

    Leaves `recording.wav` (all of it, mono, 24 kHz) and `clips/` in `work_folder`. `name` is what messages call the
    file. Content that is of no use gives a rejected report; raises AudioError when nothing can be read.
    """
    name = name or source.name
    wav = work_folder / "recording.wav"
    recording = decode_to_wav(source, wav, name=name)
    gain_db = TARGET_LUFS - recording.loudness_lufs if recording.loudness_lufs > SILENCE_LUFS else 0.0
    activity, music = _listened(wav, detectors, gain_db)
    plan = plan_clips(activity)
    clips = cut_clips(wav, plan, work_folder / "clips", loudness_lufs=recording.loudness_lufs)
    figures = measure(recording, activity, music, plan)
    values = {one.name: getattr(figures, one.name) for one in fields(figures)}
    report = FileReport(**values, findings=find(figures, name=name))
    return Inspected(report=report, clips=clips, fingerprint=fingerprint_of(wav))


def _listened(wav: Path, detectors: Detectors, gain_db: float) -> tuple[Activity, Music]:
    """Both detectors at once: they are native code that lets the other run."""
    is_ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        music = pool.submit(detectors.music.find_music, wav, gain_db=gain_db, is_ended=is_ended)
        try:
            return detectors.speech.find_speech(wav, gain_db=gain_db), music.result()
        finally:
            is_ended.set()


def measure(recording: Recording, activity: Activity, music: Music, plan: Plan) -> Figures:
    """All figures of a file."""
    snr_db = measure_snr_db(activity)
    return Figures(
        recording=recording,
        speech_seconds=activity.speech_seconds,
        usable_seconds=plan.usable_seconds,
        long_pause_seconds=sum(pause for pause in _pauses(activity) if pause >= LONG_PAUSE_SECONDS),
        snr_db=snr_db,
        music_seconds=music.seconds,
        music_share=music.share_of(plan.spans),
        decay_seconds=decay_seconds(activity, snr_db) if snr_db is not None else None,
        left_out=plan.left_out,
    )


def _pauses(activity: Activity) -> Iterator[float]:
    """Seconds of each stretch without speech, those before and after it included."""
    bounds = [0.0, *(at for span in activity.speech for at in (span.start_seconds, span.end_seconds))]
    edges = [*bounds, activity.duration_seconds]
    yield from (end - start for start, end in list(pairwise(edges))[::2])


def measure_snr_db(activity: Activity) -> float | None:
    """Mean level of speech over the median level of the pauses, in dB; None without speech.

    The median passes over breaths and clicks. Moments within 0.1 s of speech count as neither. With less than 0.3 s of
    pauses, the quietest twentieth of all moments stands for them.
    """
    if not activity.speech:
        return None
    power = activity.power
    is_speech, is_near = np.zeros(len(power), bool), np.zeros(len(power), bool)
    guard = int(PAUSE_GUARD_SECONDS / HOP_SECONDS)
    for span in activity.speech:
        first, end = int(span.start_seconds / HOP_SECONDS), int(span.end_seconds / HOP_SECONDS)
        is_speech[first:end] = True
        is_near[max(first - guard, 0) : end + guard] = True
    pauses = power[~is_near]
    if len(pauses) * HOP_SECONDS < MIN_PAUSES_SECONDS:
        pauses = np.sort(power)[: max(len(power) // 20, 1)]
    pauses = pauses[pauses > DIGITAL_SILENCE]
    if not len(pauses):
        return MAX_SNR_DB
    noise = float(np.median(pauses))
    speech = max(float(power[is_speech].mean()) - noise, DIGITAL_SILENCE)
    return float(np.clip(10 * np.log10(speech / noise), 0, MAX_SNR_DB))
