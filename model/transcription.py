"""Clip -> what was said in it, with confidence, and in which language: Whisper base on the CPU."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.accents import primary_language
from model.audio import SAMPLE_RATE, read_wav, resample
from model.errors import LanguageNotSupported, WeightsUnavailable

WHISPER_RATE = 16_000
WINDOW_SECONDS = 29.5
"""Whisper hears 30 s at a time and takes as long for one word: clips go in together."""

GAP_SECONDS = 0.6
DOUBTFUL_CONFIDENCE = 0.6
"""Below it a clip is heard again, alone and with a wider search."""

MOST_COMPRESSED = 2.4
"""What gzip makes smaller than that Whisper did not hear but say over and over; its own bound (Radford et al. 2022)."""
_TEMPERATURES = (0.2, 0.6)
"""Of a clip that is heard alone, one after the other while it is a loop: chance breaks it, or it really is said."""


@dataclass(frozen=True, kw_only=True)
class HeardWord:
    """A word, and when it is heard, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class HeardSegment:
    """A stretch of what was heard in a recording, with Whisper's own figures."""

    text: str
    start: float
    end: float
    words: tuple[HeardWord, ...]
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What was heard."""

    text: str
    confidence: float
    """Geometric mean of the probabilities of its words, 0 (nothing heard) to 1."""
    language: str


@dataclass(frozen=True, kw_only=True)
class LanguageGuess:
    """The language that speech is most likely in, a code of two letters (three for a few), and how likely."""

    language: str
    probability: float


class Transcriber:
    """Whisper in `model_dir` (any model in CTranslate2's format), loaded at the first use, int8 on the CPU."""

    def __init__(self, model_dir: Path, *, cpu_threads: int = 2) -> None:
        self._model_dir = model_dir
        self._cpu_threads = cpu_threads

    @cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        try:
            return WhisperModel(
                str(self._model_dir),
                device="cpu",
                compute_type="int8",
                cpu_threads=self._cpu_threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsUnavailable(
                f"The speech recognition model in {self._model_dir.name} cannot be loaded: {error}. "
                "Delete that folder; it is made again at the next use."
            ) from error

    def release(self) -> None:
        """Give its memory back; the next use loads it again."""
        self.__dict__.pop("_model", None)

    def transcribe(
        self, source: Path | NDArray[np.float32], language: str, *, sample_rate: int = SAMPLE_RATE
    ) -> Transcript:
        """Hear a WAV file, or a waveform of shape (samples,) at `sample_rate`; of any length.

        `language` is a code of two letters, with or without a region. Raises WeightsUnavailable, AudioError.
        """
        return self._alone(_loaded(source, sample_rate), primary_language(language))

    def transcribe_many(self, sources: Iterable[Path | NDArray[np.float32]], language: str) -> Iterator[Transcript]:
        """Hear many short WAV files or waveforms at 24 kHz, several at a time, and yield what each says, in order."""
        code = primary_language(language)
        for window in _windows(_loaded(source, SAMPLE_RATE) for source in sources):
            yield from self._together(window, code)

    def guess_language(self, sources: Iterable[Path]) -> LanguageGuess:
        """The language of the first half minute of WAV files at any rate; raises WeightsUnavailable, AudioError."""
        waveforms: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        for source in sources:
            waveforms.append(_loaded(source, SAMPLE_RATE))
            if sum(map(len, waveforms)) >= WINDOW_SECONDS * WHISPER_RATE:
                break
        language, probability, _ = self._model.detect_language(audio=np.concatenate(waveforms))
        return LanguageGuess(language=language, probability=float(probability))

    def hear(
        self, waveform: NDArray[np.float32], language: str | None, *, sample_rate: int
    ) -> tuple[str, Iterator[HeardSegment]]:
        """The language of a waveform of shape (samples,), detected unless given, and its segments as they are heard.

        Raises WeightsUnavailable, and LanguageNotSupported for a language that Whisper does not know.
        """
        try:
            segments, info = self._model.transcribe(
                resample(waveform, source_rate=sample_rate, target_rate=WHISPER_RATE),
                language=primary_language(language) if language else None,
                condition_on_previous_text=False,
                word_timestamps=True,
            )
        except ValueError as error:
            raise LanguageNotSupported(f"Speech recognition does not know the language {language!r}.") from error
        return info.language, (_heard(segment) for segment in segments)

    def _together(self, waveforms: Sequence[NDArray[np.float32]], language: str) -> Iterator[Transcript]:
        """Hear clips as one stretch with gaps; each word goes to the clip that its middle is nearest to."""
        gap = np.zeros(int(GAP_SECONDS * WHISPER_RATE), np.float32)
        lengths = np.array([len(waveform) for waveform in waveforms]) / WHISPER_RATE
        ends = np.cumsum(lengths + GAP_SECONDS) - GAP_SECONDS
        starts = ends - lengths
        stretch = np.concatenate([part for one in waveforms for part in (one, gap)])
        segments = self._segments(stretch, language, beam_size=1)
        if _is_loop(segments):
            yield from (self._alone(waveform, language) for waveform in waveforms)
            return
        words: list[list[Any]] = [[] for _ in waveforms]
        for word in _words(segments):
            middle = (word.start + word.end) / 2
            distances = np.maximum(np.maximum(starts - middle, middle - ends), 0)
            words[int(np.argmin(distances))].append(word)
        for waveform, heard in zip(waveforms, words, strict=True):
            transcript = _transcript(heard, language)
            if transcript.confidence < DOUBTFUL_CONFIDENCE:
                again = self._alone(waveform, language)
                transcript = max(transcript, again, key=lambda one: one.confidence)
            yield transcript

    def _alone(self, waveform: NDArray[np.float32], language: str) -> Transcript:
        first = segments = self._segments(waveform, language, beam_size=5)
        for temperature in _TEMPERATURES:
            if not _is_loop(segments):
                return _transcript(_words(segments), language)
            segments = self._segments(waveform, language, beam_size=5, temperature=temperature)
        return _transcript(_words(first if _is_loop(segments) else segments), language)

    def _segments(
        self, waveform: NDArray[np.float32], language: str, *, beam_size: int, temperature: float = 0.0
    ) -> list[Any]:
        if not len(waveform):
            return []
        segments, _ = self._model.transcribe(
            waveform,
            language=language,
            beam_size=beam_size,
            temperature=temperature,
            condition_on_previous_text=False,
            word_timestamps=True,
        )
        return list(segments)


def _is_loop(segments: Sequence[Any]) -> bool:
    """By letters, not by bytes: of scripts with three bytes a letter ordinary text is compressed as much."""
    return any(
        segment.compression_ratio * len(segment.text) / max(1, len(segment.text.encode())) > MOST_COMPRESSED
        for segment in segments
    )


def _words(segments: Sequence[Any]) -> list[Any]:
    return [word for segment in segments for word in segment.words or ()]


def _heard(segment: Any) -> HeardSegment:
    return HeardSegment(
        text=segment.text,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        words=tuple(
            HeardWord(text=word.word.strip(), start=round(float(word.start), 3), end=round(float(word.end), 3))
            for word in segment.words or ()
        ),
        tokens=tuple(segment.tokens),
        temperature=segment.temperature or 0.0,
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
    )


def _loaded(source: Path | NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    waveform, rate = read_wav(source) if isinstance(source, Path) else (source, sample_rate)
    return resample(waveform, source_rate=rate, target_rate=WHISPER_RATE)


def _windows(waveforms: Iterator[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    """Group waveforms, in order, so that with their gaps each group fits Whisper's window."""
    window: list[NDArray[np.float32]] = []
    seconds = 0.0
    for waveform in waveforms:
        length = len(waveform) / WHISPER_RATE + GAP_SECONDS
        if window and seconds + length > WINDOW_SECONDS:
            yield window
            window, seconds = [], 0.0
        window.append(waveform)
        seconds += length
    if window:
        yield window


def _transcript(words: Sequence[Any], language: str) -> Transcript:
    probabilities = np.maximum([word.probability for word in words], 1e-6)
    return Transcript(
        text="".join(word.word for word in words).strip(),
        confidence=float(np.exp(np.log(probabilities).mean())) if words else 0.0,
        language=language,
    )
