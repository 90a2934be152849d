"""Speaking with the tiny engine: sentence by sentence, through espeak-ng and the speaker's filter. Needs no torch."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from model.engines.protocol import Stretch, Timing, TrainingClip
from model.engines.tiny.calibration import Calibration, calibrate
from model.engines.tiny.espeak import SAMPLE_RATE, Espeak, Event
from model.engines.tiny.parameters import VoiceParameters, knot_weights
from model.engines.tiny.traits import espeak_voice_for, measure, style_between
from model.errors import AudioError, LanguageNotSupported
from model.measuring import (
    HOP_LENGTH,
    WIN_LENGTH,
    active_frames,
    frames_of,
    loudness_db,
    read_clip,
)

if TYPE_CHECKING:
    from model.engines.protocol import Style, Waveform

LANGUAGE = "en"
SPEED_LIMITS = (0.5, 2.0)

_STOCK_PITCH_HZ = {"ada": 205.0, "alan": 110.0}
_LEVEL_DBFS = -23.0
_PEAK = 0.9
_MAX_SENTENCE = 300  # characters; longer ones are parted at a comma or space
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_TITLES = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St)\.(?=\s)")
_PAUSE_SECONDS = 0.25
_EDGE_SECONDS = 0.03
_FADE_SECONDS = 0.005
_STRESS_MARKS = "ˈˌ"
_FILTER_TAIL = 4096
_TILT_BAND_HZ = (250.0, 8000.0)
_BASE_HEEDS = np.array([1, 0, 1, 0, 0], np.float32)


class TinySpeechModel:
    """The base model, or a fine-tune of it: implements `SpeechModel`."""

    def __init__(self, parameters: VoiceParameters, *, espeak: Espeak, is_base: bool) -> None:
        self._parameters = parameters
        self._espeak = espeak
        self._is_base = is_base
        self._calibrations: dict[str, Calibration] = {}

    def style_of(self, clip: TrainingClip, *, language: str) -> "Style":
        """How the clip differs from the speaker, shape (5,); the base model takes no more than pitch and pace of it.

        AudioError when the clip cannot be read or holds no voiced speech; LanguageNotSupported.
        """
        check_language(language)
        try:
            measurement = measure(read_clip(clip), transcript=clip.transcript, espeak=self._espeak)
        except AudioError as error:
            raise AudioError(f"clip {clip.id} cannot serve as a reference: {error}") from error
        style = style_between(measurement.traits, self._parameters.traits)
        return style * _BASE_HEEDS if self._is_base else style

    def stock_style(self, name: str) -> "Style":
        """The style of a stock voice, shape (5,); KeyError when there is none of this name."""
        pitch = np.log2(_STOCK_PITCH_HZ[name])
        return np.array([pitch - self._parameters.traits.pitch, 0, 0, 0, 0], np.float32)

    def synthesize(self, text: str, *, style: "Style", language: str, speed: float = 1.0) -> Iterator[Stretch]:
        """Speak sentence by sentence, at 24 kHz, each with a pause at its end.

        `speed` is from 0.5 to 2; espeak-ng speaks 80 to 450 words a minute, so a slow speaker gets little slower.
        Raises LanguageNotSupported, ValueError.
        """
        check_language(language)
        if not SPEED_LIMITS[0] <= speed <= SPEED_LIMITS[1]:
            raise ValueError(f"speed must be from {SPEED_LIMITS[0]} to {SPEED_LIMITS[1]}, not {speed}")
        traits = self._parameters.traits.styled(style)
        speaker = traits if self._is_base else self._parameters.traits
        espeak_voice = espeak_voice_for(speaker.pitch)
        knobs = self._calibration(espeak_voice).knobs_for(traits, speed=speed)
        written = iter(text.split())
        for sentence in sentences_of(text):
            words = [next(written, word) for word in sentence.split()]
            waveform, events = self._espeak.speak_with_events(sentence, voice=espeak_voice, knobs=knobs)
            if waveform.any():
                filtered = self._filtered(waveform, tilt=float(style[4]))
                finished, cut_seconds = _finished(filtered, louder_db=float(style[3]))
                sounds = _sounds(events, later=-cut_seconds)
                yield Stretch(
                    waveform=finished,
                    words=_times_of_words(words, sentence, sounds),
                    phonemes=tuple(timing for _, timing in sounds),
                )

    def _calibration(self, espeak_voice: str) -> Calibration:
        if espeak_voice not in self._calibrations:
            self._calibrations[espeak_voice] = calibrate(self._espeak, espeak_voice)
        return self._calibrations[espeak_voice]

    def _filtered(self, waveform: "Waveform", *, tilt: float) -> "Waveform":
        """The waveform through the speaker's filter, tilted by `tilt` dB an octave; zero phase, so nothing moves."""
        size = len(waveform) + _FILTER_TAIL
        frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
        gains_db = knot_weights(frequency) @ self._parameters.gains_db
        gains_db += tilt * np.log2(np.clip(frequency, *_TILT_BAND_HZ) / _TILT_BAND_HZ[0])
        spectrum = np.fft.rfft(waveform, size) * 10 ** (gains_db / 20)
        return np.fft.irfft(spectrum, size)[: len(waveform)].astype(np.float32)


def check_language(language: str) -> None:
    """LanguageNotSupported unless it is English."""
    if language != LANGUAGE:
        raise LanguageNotSupported(
            f"the tiny base model speaks English ({LANGUAGE!r}) only, not {language!r}: choose another base model"
        )


def sentences_of(text: str) -> list[str]:
    """The sentences of a text; very long ones are parted where a comma, else a space allows."""
    sentences = _SENTENCE_END.split(_TITLES.sub(r"\1", text))
    return [part for sentence in sentences for part in _parted(sentence.strip()) if part]


def _parted(sentence: str) -> list[str]:
    if len(sentence) <= _MAX_SENTENCE:
        return [sentence]
    head = sentence[:_MAX_SENTENCE]
    cut = max(head.rfind(", ") + 1, head.rfind("; ") + 1) or head.rfind(" ") + 1 or _MAX_SENTENCE
    return [sentence[:cut].strip(), *_parted(sentence[cut:].strip())]


def _sounds(events: Sequence[Event], *, later: float) -> list[tuple[int, Timing]]:
    """The phonemes that are heard, each with its place in the text; `later` seconds than in `events`."""
    return [
        (
            event.position,
            Timing(
                text=event.phoneme.strip(_STRESS_MARKS),
                start=round(max(event.seconds + later, 0), 3),
                end=round(max(after.seconds + later, 0), 3),
            ),
        )
        for event, after in pairwise(events)
        if event.phoneme
    ]


def _times_of_words(words: Sequence[str], sentence: str, sounds: Sequence[tuple[int, Timing]]) -> tuple[Timing, ...]:
    """From the first to the last sound of each word; `words` are those of `sentence` as they were written.

    espeak-ng speaks some words as one (“for a”) and tells the place of the first: they share its time by letters.
    """
    together: list[tuple[list[str], float, float]] = []
    for word, match in zip(words, re.finditer(r"\S+", sentence), strict=True):
        within = [timing for position, timing in sounds if match.start() <= position < match.end()]
        if within:
            together.append(([word], within[0].start, within[-1].end))
        elif together and any(character.isalnum() for character in word):
            together[-1][0].append(word)
    timings = []
    for group, start, end in together:
        seconds_per_letter = (end - start) / sum(map(len, group))
        for word in group:
            after = start + len(word) * seconds_per_letter
            timings.append(Timing(text=word, start=round(start, 3), end=round(after, 3)))
            start = after
    return tuple(timings)


def _finished(waveform: "Waveform", *, louder_db: float) -> "tuple[Waveform, float]":
    """Trimmed to its speech, levelled, faded at both ends, with the pause after it; and what was cut before, in s."""
    active = np.flatnonzero(active_frames(frames_of(waveform)))
    edge = round(_EDGE_SECONDS * SAMPLE_RATE)
    start = max(active[0] * HOP_LENGTH - edge, 0)
    waveform = waveform[start : active[-1] * HOP_LENGTH + WIN_LENGTH + edge]
    gain = 10 ** ((_LEVEL_DBFS + louder_db - loudness_db(waveform)) / 20)
    waveform = waveform * min(gain, _PEAK / np.abs(waveform).max())
    fade = np.linspace(0, 1, round(_FADE_SECONDS * SAMPLE_RATE), dtype=np.float32)
    waveform[: len(fade)] *= fade
    waveform[-len(fade) :] *= fade[::-1]
    return np.pad(waveform, (0, round(_PAUSE_SECONDS * SAMPLE_RATE))), start / SAMPLE_RATE
