"""The process that writes down what is said in recordings, and the handle by which others use it.

Its memory is given back when nobody has asked for a while.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playground.processes import lower_priority
from playground.work_process import WorkProcess

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.transcription import HeardSegment, Transcriber

IDLE_SECONDS = 60.0
PRIORITY = 5
"""How far it steps back behind speech."""
LONGEST_SECONDS = 3600.0
"""Whisper's reading of a recording takes 3 GB an hour, all at once."""

RAW_SUBTYPES = {"pcm_s16le": "PCM_16", "pcm_s32le": "PCM_32", "pcm_f32le": "FLOAT"} | {
    "pcm_mulaw": "ULAW",
    "pcm_alaw": "ALAW",
}
"""Encodings without a header, as libsndfile calls them; it does not know half precision."""
HALF = "pcm_f16le"


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """A recording to hear. `encoding` and `sample_rate` are set for samples without a header."""

    path: Path
    name: str
    language: str = ""
    encoding: str = ""
    sample_rate: int = 0


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The first answer: what kind of recording it is."""

    language: str
    duration_seconds: float


class RecognitionProcess:
    """Handle of the process."""

    def __init__(self, weights_dir: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._work = WorkProcess("recognition", _Listener, weights_dir, idle_seconds=idle_seconds)

    def hear(self, hearing: Hearing) -> "Generator[Heard | HeardSegment]":
        """First what it is, then its segments as they are heard; closing the iterator early stops the work.

        Raises AudioError, FormatUnknown, LanguageNotSupported, WeightsUnavailable, SpeechUnavailable.
        """
        return self._work.answers(hearing)

    @property
    def pid(self) -> int | None:
        """The process's id, while it lives."""
        return self._work.pid

    def close(self) -> None:
        """End the process."""
        self._work.close()


class _Listener:
    """Answers requests with Whisper."""

    def __init__(self, weights_dir: Path) -> None:
        lower_priority(PRIORITY)
        self._weights_dir = weights_dir

    @cached_property
    def _transcriber(self) -> "Transcriber":
        from model.transcription import Transcriber
        from model.whisper_weights import prepare_whisper

        return Transcriber(prepare_whisper(self._weights_dir))

    def __call__(self, hearing: Hearing) -> "Iterator[Heard | HeardSegment]":
        waveform, sample_rate = _read_raw(hearing) if hearing.encoding else _read(hearing)
        _require_short(len(waveform) / sample_rate, hearing)
        language, segments = self._transcriber.hear(waveform, hearing.language or None, sample_rate=sample_rate)
        yield Heard(language=language, duration_seconds=len(waveform) / sample_rate)
        yield from segments


def _require_short(seconds: float, hearing: Hearing) -> None:
    """Raises AudioError."""
    from model.errors import AudioError

    if seconds > LONGEST_SECONDS:
        raise AudioError(f"{hearing.name} is longer than {LONGEST_SECONDS / 60:.0f} minutes. Send it in parts.")


def _read(hearing: Hearing) -> "tuple[NDArray[np.float32], int]":
    """A recording in any format, by its content; raises AudioError when it is too long, and FormatUnknown."""
    from model.audio import decode_to_wav, read_wav
    from model.errors import AudioError, FormatUnknown

    with TemporaryDirectory() as folder:
        wav = Path(folder) / "recording.wav"
        try:
            recording = decode_to_wav(hearing.path, wav, name=hearing.name)
        except AudioError as error:
            raise FormatUnknown(str(error)) from error
        _require_short(recording.duration_seconds, hearing)
        return read_wav(wav)


def _read_raw(hearing: Hearing) -> "tuple[NDArray[np.float32], int]":
    """Samples without a header; a last one that is cut short is left out."""
    import numpy as np
    import soundfile

    if hearing.encoding == HALF:
        content = hearing.path.read_bytes()
        return np.frombuffer(content[: len(content) // 2 * 2], "<f2").astype(np.float32), hearing.sample_rate
    waveform, _ = soundfile.read(
        hearing.path,
        samplerate=hearing.sample_rate,
        channels=1,
        format="RAW",
        subtype=RAW_SUBTYPES[hearing.encoding],
        endian="LITTLE",
        dtype="float32",
    )
    return waveform, hearing.sample_rate
