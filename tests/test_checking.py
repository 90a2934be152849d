"""How voices are heard at the end of a training: what they say, and what is counted."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from model.evaluation import SAMPLE_RATE
from model.sentences import TEST_SENTENCES
from model.transcription import Transcript
from playground.services.checking import Heard, Listener
from playground.speech_process import SpeakingAs, VoiceSource

SECONDS = 5
CLEAR, MUMBLING, SILENT = (VoiceSource(model_id=name) for name in ("clear", "mumbling", "silent"))
LEVELS = {"clear": 0.2, "mumbling": 0.1, "silent": 0.0}


class Speech:
    """Speaks in two stretches, every model at a level of its own; remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def speak(self, speaking: SpeakingAs) -> Iterator[np.ndarray]:
        self.asked.append((speaking.source.model_id, speaking.text))
        for _ in range(2):
            yield np.full(SECONDS * SAMPLE_RATE // 2, LEVELS[speaking.source.model_id], np.float32)


class Transcriber:
    """Understands the clear voice and nothing else."""

    def transcribe_many(self, waveforms: Sequence[np.ndarray], language: str) -> list[Transcript]:
        return [
            Transcript(
                text=sentence if waveform[0] == np.float32(LEVELS["clear"]) else "", confidence=1.0, language="en"
            )
            for waveform, sentence in zip(waveforms, TEST_SENTENCES[language], strict=True)
        ]


@pytest.fixture
def speech() -> Speech:
    return Speech()


def _hear(speech: Any, source: VoiceSource) -> Heard:
    transcriber: Any = Transcriber()
    return Listener(speech, transcriber, "en").hear(source)


def test_one_voice_says_every_test_sentence(speech: Speech) -> None:
    heard = _hear(speech, CLEAR)
    assert speech.asked == [("clear", sentence) for sentence in TEST_SENTENCES["en"]]
    assert [len(waveform) for waveform in heard.waveforms] == [SECONDS * SAMPLE_RATE] * 4
    assert heard.word_error_rate == 0.0 and not heard.problems


def test_words_that_are_not_understood_are_counted(speech: Speech) -> None:
    assert _hear(speech, MUMBLING).word_error_rate == 1.0


def test_a_sentence_that_is_no_speech_is_said_with_its_reason(speech: Speech) -> None:
    problems = _hear(speech, SILENT).problems
    assert len(problems) == 4
    assert all(problem.startswith("it is silent") for problem in problems)
