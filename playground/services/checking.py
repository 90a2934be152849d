"""How voices are judged: they speak the test sentences, recognition writes them down, and measures compare them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model.evaluation import (
    Naturalness,
    SpeakerEncoder,
    check_waveform,
    mean_cosine,
    mean_cosine_among,
    word_error_rate,
)
from model.sentences import TEST_SENTENCES
from model.transcription import Transcriber
from playground.speech_process import SpeakingAs, SpeechProcess, VoiceSource

if TYPE_CHECKING:
    from model.engines.protocol import Waveform

WARM_UP_TEXT = "Good morning."
NATURALNESS_LOST = 0.2
"""Of opinion from 1 to 5: what the voices may lose to their recordings or to the stock voice."""
NATURALNESS_HARDLY_LOST = 0.1
"""What they may lose at the greatest strength. Bought with naturalness is likeness, for a speaker who has some to
spare (from .35 to .5, two voices, six sentences: Italian .85 -> .88 and 4.33 -> 4.16, recordings 4.10; English .96 ->
1.00 and 4.37 -> 4.30, recordings 4.40)."""
WORDS_LOST = 0.1
"""Of the words that four voices say. No strength is heard worse than another by so much (Italian: .07 at 0, .08 to .10
at .25 to .5), but recognition that knows a language badly mishears more at one time than at another."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What became of the test sentences in one voice; `seconds` is the time that it took."""

    waveforms: list["Waveform"]
    word_error_rate: float
    problems: list[str]
    seconds: float


class Listener:
    """Lets voices speak the test sentences of a language, in a process of its own, and writes down what it hears."""

    def __init__(self, speech: SpeechProcess, transcriber: Transcriber, language: str) -> None:
        self._speech = speech
        self._transcriber = transcriber
        self._language = language

    def warm_up(self, source: VoiceSource) -> None:
        """Load the models, so that the next `hear` takes the time of hearing alone."""
        self._transcriber.transcribe(self._spoken(source, WARM_UP_TEXT), self._language)

    def hear(self, source: VoiceSource) -> Heard:
        """Raises SpeechUnavailable and the engine's ModelErrors."""
        started = time.monotonic()
        sentences = TEST_SENTENCES[self._language]
        waveforms = [self._spoken(source, sentence) for sentence in sentences]
        problems = [
            problem
            for sentence, waveform in zip(sentences, waveforms, strict=True)
            if (problem := check_waveform(waveform, text=sentence))
        ]
        heard = self._transcriber.transcribe_many(waveforms, self._language)
        rates = [
            word_error_rate(sentence, transcript.text, self._language)
            for sentence, transcript in zip(sentences, heard, strict=True)
        ]
        return Heard(
            waveforms=waveforms,
            word_error_rate=float(np.mean(rates)),
            problems=problems,
            seconds=time.monotonic() - started,
        )

    def _spoken(self, source: VoiceSource, text: str) -> "Waveform":
        return np.concatenate([*self._speech.speak(SpeakingAs(source=source, text=text, language=self._language))])


@dataclass(frozen=True, kw_only=True)
class Gates:
    """What can be asked of a voice: the naturalness of its recordings or of the stock voice, which is less, and words
    that are understood."""

    naturalness: float
    most_word_errors: float

    @classmethod
    def between(cls, recordings: Mapping[str, Any], stock: Mapping[str, Any]) -> "Gates":
        """From the report card's lines of the recordings and of a stock voice."""
        return cls(
            naturalness=min(recordings["naturalness"], stock["naturalness"]),
            most_word_errors=round(stock["word_error_rate"] + WORDS_LOST, 3),
        )

    def passed_by(self, row: Mapping[str, Any], *, lost: float = NATURALNESS_LOST) -> bool:
        return self.understood(row) and bool(row["naturalness"] >= round(self.naturalness - lost, 2))

    def understood(self, row: Mapping[str, Any]) -> bool:
        """What has a problem is not: what is silent, too short or long, or broken, whatever recognition makes of it."""
        return not row.get("problems") and bool(row["word_error_rate"] <= self.most_word_errors)

    def rank(self, row: Mapping[str, Any]) -> tuple[bool, bool, float, float]:
        """The greater the better: what is understood by its naturalness, the rest by how well it is understood, and
        what has a problem, which ends a training, last."""
        understood, naturalness = self.understood(row), row["naturalness"]
        sound = not row.get("problems")
        return understood, sound, naturalness if understood else -row["word_error_rate"], naturalness


class Judge:
    """Measures spoken sentences, and how alike they are to the recordings that were kept back from training."""

    def __init__(self, recordings: Sequence["Waveform"]) -> None:
        self._encoder = SpeakerEncoder()
        self._naturalness = Naturalness()
        self._recordings = recordings
        self._embeddings = self._encoder.embed_many(recordings)

    def row(
        self,
        name: str,
        waveforms: Sequence["Waveform"],
        word_error_rate: float | None,
        *,
        also: Sequence["Waveform"] = (),
    ) -> dict[str, Any]:
        """A line of the report card; of what is in `also` the naturalness counts as well, and nothing else."""
        naturalness = np.mean([self._naturalness.score(waveform) for waveform in (*waveforms, *also)])
        row: dict[str, Any] = {
            "name": name,
            "similarity": round(self._similarity(waveforms), 3),
            "naturalness": round(float(naturalness), 2),
        }
        if word_error_rate is not None:
            row["word_error_rate"] = round(word_error_rate, 3)
        return row

    def _similarity(self, waveforms: Sequence["Waveform"]) -> float:
        """To the recordings; each recording itself is compared with the others only."""
        if waveforms is self._recordings:
            return mean_cosine_among(self._embeddings)
        return mean_cosine(self._encoder.embed_many(waveforms), self._embeddings)
