"""What is good or bad in a recording, in figures and words, and the clips that it gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from model.audio import Recording, decode_to_wav
from model.metering import SILENCE_LUFS
from model.segmentation import TARGET_LUFS, CutClip, LeftOut, Plan, cut_clips, plan_clips
from model.voice_activity import HOP_SECONDS, Activity, VoiceActivityDetector

MAX_SNR_DB = 80.0
"""Reported where the pauses are digital silence."""

DIGITAL_SILENCE = 1e-10
"""Power (-100 dBFS) below which 16 bits hold nothing."""

PAUSE_GUARD_SECONDS = 0.1
MIN_PAUSES_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From where on a figure makes a recording less than good, and from where on poor."""

    # HiFi-TTS (Bakhturina et al. 2021) took 32 dB and more; LibriTTS (Zen et al. 2019) dropped what was below 20 dB.
    good_snr_db: float = 32.0
    poor_snr_db: float = 20.0
    # Wideband speech reaches 7 kHz (ITU-T G.722); a telephone 3.4 kHz (G.711), at most 4 kHz.
    good_bandwidth_hz: float = 7_000.0
    poor_bandwidth_hz: float = 4_500.0
    # Speech normalized to full scale touches it with single samples, below 1 in 10,000; audible from about 1 in 500.
    good_clipping_ratio: float = 0.0001
    poor_clipping_ratio: float = 0.002
    # EBU R 128 asks for -23 LUFS; -36 needs 13 dB of gain, -50 leaves less than 12 of 16 bits for speech.
    good_loudness_lufs: float = -36.0
    poor_loudness_lufs: float = -50.0
    # Conversation holds about 60 % speech (ITU-T P.59 models 39 % for one side of a call).
    good_speech_share: float = 0.5
    poor_speech_share: float = 0.1


class Verdict(StrEnum):
    """What a recording is good for, best first."""

    GOOD = "good"
    USABLE = "usable"
    POOR = "poor"
    REJECTED = "rejected"


SEVERITY = tuple(Verdict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that keeps a recording from being good, and what to do about it."""

    verdict: Verdict
    reason: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """What was found in one file."""

    recording: Recording
    speech_seconds: float
    usable_seconds: float
    """Length of all clips."""
    snr_db: float | None
    """Level of speech over that of the pauses; None without speech."""
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    """Worst first; empty for a good recording."""

    @property
    def verdict(self) -> Verdict:
        return self.findings[0].verdict if self.findings else Verdict.GOOD

    @property
    def reason(self) -> str:
        """All findings in words."""
        return " ".join(finding.reason for finding in self.findings) or "Clear speech, nothing to mend."

    @property
    def advice(self) -> str:
        """What to do, the most important first; empty for a good recording."""
        return " ".join(dict.fromkeys(finding.advice for finding in self.findings))


def inspect_file(
    source: Path,
    work_folder: Path,
    *,
    name: str | None = None,
    detector: VoiceActivityDetector | None = None,
    thresholds: Thresholds = Thresholds(),
) -> tuple[FileReport, list[CutClip]]:
    """Judge the recording `source` and cut it into clips.

    Leaves `recording.wav` (all of it, mono, 24 kHz) and `clips/` in `work_folder`. `name` is what messages call the
    file. Content that is of no use gives a rejected report; raises AudioError when nothing can be read.
    """
    name = name or source.name
    wav = work_folder / "recording.wav"
    recording = decode_to_wav(source, wav, name=name)
    gain_db = TARGET_LUFS - recording.loudness_lufs if recording.loudness_lufs > SILENCE_LUFS else 0.0
    activity = (detector or VoiceActivityDetector()).find_speech(wav, gain_db=gain_db)
    plan = plan_clips(activity)
    clips = cut_clips(wav, plan, work_folder / "clips", loudness_lufs=recording.loudness_lufs, offset=activity.offset)
    return judge(recording, activity, plan, name=name, thresholds=thresholds), clips


def judge(
    recording: Recording, activity: Activity, plan: Plan, *, name: str, thresholds: Thresholds = Thresholds()
) -> FileReport:
    """Put figures into words."""
    snr_db = measure_snr_db(activity)
    findings = list(_findings_of_content(activity, plan, name, thresholds))
    if snr_db is not None and plan.spans:
        findings += _findings_of_sound(recording, snr_db, thresholds)
    return FileReport(
        recording=recording,
        speech_seconds=activity.speech_seconds,
        usable_seconds=plan.usable_seconds,
        snr_db=snr_db,
        left_out=plan.left_out,
        findings=tuple(sorted(findings, key=lambda finding: -SEVERITY.index(finding.verdict))),
    )


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


def _findings_of_content(activity: Activity, plan: Plan, name: str, thresholds: Thresholds) -> Iterator[Finding]:
    share = activity.speech_seconds / max(activity.duration_seconds, 1e-3)
    if not activity.speech:
        yield Finding(
            verdict=Verdict.REJECTED,
            reason=f"No speech was found in {name}.",
            advice="Choose a recording in which one person speaks.",
        )
    elif not plan.spans:
        yield Finding(
            verdict=Verdict.REJECTED,
            reason=f"{name} holds only {activity.speech_seconds:.1f} s of speech in pieces that are too short.",
            advice="Record whole sentences of 2 seconds and more.",
        )
    elif share < thresholds.good_speech_share:
        yield Finding(
            verdict=Verdict.POOR if share < thresholds.poor_speech_share else Verdict.USABLE,
            reason=f"Only {share:.0%} of it is speech.",
            advice="Cut out long pauses, music and noises, or use what is left.",
        )


def _findings_of_sound(recording: Recording, snr_db: float, thresholds: Thresholds) -> Iterator[Finding]:
    if snr_db < thresholds.good_snr_db:
        yield Finding(
            verdict=Verdict.POOR if snr_db < thresholds.poor_snr_db else Verdict.USABLE,
            reason=f"Noise behind the voice: speech is only {snr_db:.0f} dB above it.",
            advice="Record in a quiet room, close to the microphone. The voice would copy the noise.",
        )
    if recording.bandwidth_hz < thresholds.good_bandwidth_hz:
        kilohertz = recording.bandwidth_hz / 1000
        poor = recording.bandwidth_hz < thresholds.poor_bandwidth_hz
        yield Finding(
            verdict=Verdict.POOR if poor else Verdict.USABLE,
            reason=f"Muffled{', like a telephone' if poor else ''}: nothing above {kilohertz:.1f} kHz.",
            advice="Use the original recording, not a call or a heavily compressed copy.",
        )
    if recording.clipping_ratio > thresholds.good_clipping_ratio:
        yield Finding(
            verdict=Verdict.POOR if recording.clipping_ratio > thresholds.poor_clipping_ratio else Verdict.USABLE,
            reason=f"Distorted: {recording.clipping_ratio:.2%} of it is clipped.",
            advice="Record again with less input gain.",
        )
    if recording.loudness_lufs < thresholds.good_loudness_lufs:
        poor = recording.loudness_lufs < thresholds.poor_loudness_lufs
        yield Finding(
            verdict=Verdict.POOR if poor else Verdict.USABLE,
            reason=f"Very quiet: {recording.loudness_lufs:.0f} LUFS.",
            advice="Record louder. Its level is raised, and its noise with it.",
        )
    if recording.truncated:
        yield Finding(
            verdict=Verdict.USABLE,
            reason="The file is damaged or cut short; what could be read was kept.",
            advice="Copy or export it again to have all of it.",
        )
