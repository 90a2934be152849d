"""What is good or bad in a recording, in words: the thresholds, the findings, the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from model.audio import Recording
from model.segmentation import LeftOut

LONG_PAUSE_SECONDS = 2.0
"""Readers pause for up to 1.5 s between paragraphs."""


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
    good_pause_share: float = 0.3
    # Clean, noisy and reverberant speech of three speakers: at most 0.03; with music 20 dB below it: 0.78 and more.
    good_music_share: float = 0.05
    poor_music_share: float = 0.3
    # Dry speech of three speakers: 0.2 s; a room of 0.3 s about 0.32, of 0.5 s 0.37 to 0.51 (model/reverberation.py).
    # Living rooms have 0.4 to 0.5 s, recording rooms 0.3 s at most (EBU Tech 3276: 0.2 to 0.4 s).
    good_decay_seconds: float = 0.34
    poor_decay_seconds: float = 0.5


class Verdict(StrEnum):
    """What a recording is good for, best first."""

    GOOD = "good"
    USABLE = "usable"
    POOR = "poor"
    REJECTED = "rejected"


class Kind(StrEnum):
    """What a finding is about."""

    UNREADABLE = "unreadable"
    NO_SPEECH = "no speech"
    TOO_SHORT = "too short"
    PAUSES = "pauses"
    MUSIC = "music"
    NOISE = "noise"
    REVERBERATION = "reverberation"
    BANDWIDTH = "bandwidth"
    CLIPPING = "clipping"
    LOUDNESS = "loudness"
    DAMAGE = "damage"
    DUPLICATE = "duplicate"
    SPEAKER = "speaker"
    LANGUAGE = "language"
    OTHER = "other"
    """Said by an earlier release, which kept no kinds."""


SEVERITY = tuple(Verdict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that keeps a recording from being good, and what to do about it."""

    kind: Kind
    verdict: Verdict
    reason: str
    advice: str


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: -SEVERITY.index(finding.verdict)))


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """The worst of them; good without any."""
    return max((finding.verdict for finding in findings), key=SEVERITY.index, default=Verdict.GOOD)


def words_of(findings: Sequence[Finding]) -> str:
    """All reasons, then what to do, the most important first."""
    if not findings:
        return "Clear speech, nothing to mend."
    ordered = worst_first(findings)
    sentences = [*(one.reason for one in ordered), *dict.fromkeys(one.advice for one in ordered)]
    return " ".join(filter(None, sentences))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured in one file."""

    recording: Recording
    speech_seconds: float
    usable_seconds: float
    """Length of all clips."""
    long_pause_seconds: float
    """All pauses of 2 s and more."""
    snr_db: float | None
    """Level of speech over that of the pauses; None without speech."""
    music_seconds: float
    music_share: float
    """Part of the clips that has music, 0 to 1."""
    decay_seconds: float | None
    """Of the room, see `reverberation.decay_seconds`."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True)
class FileReport(Figures):
    """What was measured in one file, and what it means."""

    findings: tuple[Finding, ...]
    """Worst first; empty for a good recording."""

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.findings)

    @property
    def reason(self) -> str:
        """All findings in words, and what to do."""
        return words_of(self.findings)


def find(figures: Figures, *, name: str, thresholds: Thresholds = Thresholds()) -> tuple[Finding, ...]:
    """Put figures into words, worst first; `name` is what they call the file."""
    findings = list(_findings_of_content(figures, name, thresholds))
    if figures.snr_db is not None and figures.usable_seconds:
        findings += _findings_of_background(figures, figures.snr_db, thresholds)
        findings += _findings_of_sound(figures.recording, thresholds)
    return worst_first(findings)


def _findings_of_content(figures: Figures, name: str, thresholds: Thresholds) -> Iterator[Finding]:
    seconds = max(figures.recording.duration_seconds, 1e-3)
    share = figures.speech_seconds / seconds
    if not figures.speech_seconds:
        only_music = ", only music" if figures.music_seconds > seconds / 2 else ""
        yield Finding(
            kind=Kind.NO_SPEECH,
            verdict=Verdict.REJECTED,
            reason=f"No speech was found in {name}{only_music}.",
            advice="Choose a recording in which one person speaks.",
        )
    elif not figures.usable_seconds:
        yield Finding(
            kind=Kind.TOO_SHORT,
            verdict=Verdict.REJECTED,
            reason=f"{name} holds only {figures.speech_seconds:.1f} s of speech in pieces that are too short.",
            advice="Record whole sentences of 2 seconds and more.",
        )
    elif share < thresholds.good_speech_share or figures.long_pause_seconds > thresholds.good_pause_share * seconds:
        pauses = f"; long pauses take {figures.long_pause_seconds:.0f} s" if figures.long_pause_seconds else ""
        yield Finding(
            kind=Kind.PAUSES,
            verdict=Verdict.POOR if share < thresholds.poor_speech_share else Verdict.USABLE,
            reason=f"Only {share:.0%} of it is speech{pauses}.",
            advice="Pauses are left out. Nothing needs to be done if enough speech is left.",
        )


def _findings_of_background(figures: Figures, snr_db: float, thresholds: Thresholds) -> Iterator[Finding]:
    is_distorted = figures.recording.clipping_ratio > thresholds.poor_clipping_ratio  # which sounds like music
    if figures.music_share > thresholds.good_music_share and not is_distorted:
        yield Finding(
            kind=Kind.MUSIC,
            verdict=Verdict.POOR if figures.music_share > thresholds.poor_music_share else Verdict.USABLE,
            reason=f"Music plays under {figures.music_share:.0%} of the speech.",
            advice="Use a version without music. The voice would copy it.",
        )
    elif snr_db < thresholds.good_snr_db:
        yield Finding(
            kind=Kind.NOISE,
            verdict=Verdict.POOR if snr_db < thresholds.poor_snr_db else Verdict.USABLE,
            reason=f"Noise behind the voice: speech is only {snr_db:.0f} dB above it.",
            advice="Record in a quiet room, close to the microphone. The voice would copy the noise.",
        )
    if figures.decay_seconds is not None and figures.decay_seconds > thresholds.good_decay_seconds:
        yield Finding(
            kind=Kind.REVERBERATION,
            verdict=Verdict.POOR if figures.decay_seconds > thresholds.poor_decay_seconds else Verdict.USABLE,
            reason=f"The room echoes: sound takes about {figures.decay_seconds:.1f} s to die away.",
            advice="Record close to the microphone in a room with carpet, curtains or a bed.",
        )


def _findings_of_sound(recording: Recording, thresholds: Thresholds) -> Iterator[Finding]:
    if recording.bandwidth_hz < thresholds.good_bandwidth_hz:
        kilohertz = recording.bandwidth_hz / 1000
        poor = recording.bandwidth_hz < thresholds.poor_bandwidth_hz
        yield Finding(
            kind=Kind.BANDWIDTH,
            verdict=Verdict.POOR if poor else Verdict.USABLE,
            reason=f"Muffled{', like a telephone' if poor else ''}: nothing above {kilohertz:.1f} kHz.",
            advice="Use the original recording, not a call or a heavily compressed copy.",
        )
    if recording.clipping_ratio > thresholds.good_clipping_ratio:
        yield Finding(
            kind=Kind.CLIPPING,
            verdict=Verdict.POOR if recording.clipping_ratio > thresholds.poor_clipping_ratio else Verdict.USABLE,
            reason=f"Distorted: {recording.clipping_ratio:.2%} of it is clipped.",
            advice="Record again with less input gain.",
        )
    if recording.loudness_lufs < thresholds.good_loudness_lufs:
        poor = recording.loudness_lufs < thresholds.poor_loudness_lufs
        yield Finding(
            kind=Kind.LOUDNESS,
            verdict=Verdict.POOR if poor else Verdict.USABLE,
            reason=f"Very quiet: {recording.loudness_lufs:.0f} LUFS.",
            advice="Record louder. Its level is raised, and its noise with it.",
        )
    if recording.truncated:
        yield Finding(
            kind=Kind.DAMAGE,
            verdict=Verdict.USABLE,
            reason="The file is damaged or cut short; what could be read was kept.",
            advice="Copy or export it again to have all of it.",
        )
