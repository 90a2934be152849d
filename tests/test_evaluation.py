"""Measures of speech, on real speech and on what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from model import audio
from model.errors import WeightsUnavailable
from model.evaluation import Naturalness, SpeakerEncoder, check_waveform, mean_cosine_among, word_error_rate

SPEECH = Path(__file__).parent / "data" / "speech"
RATE = audio.SAMPLE_RATE
Waveform = NDArray[np.float32]
RESEMBLYZER_LARGEST = {
    25: 0.1696,
    113: 0.1775,
    148: 0.1780,
    11: 0.1820,
    89: 0.1841,
    157: 0.2105,
    102: 0.2152,
    20: 0.2260,
}
"""Largest values of the embedding of one recording, by the package resemblyzer 0.1.4 itself:
`embed_utterance` of it at -30 dBFS."""


@pytest.fixture(scope="module")
def sentences() -> list[Waveform]:
    read = (soundfile.read(path, dtype="float32")[0] for path in sorted(SPEECH.glob("*.flac")))
    return [audio.resample(waveform, source_rate=16_000, target_rate=RATE) for waveform in read]


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder()


def lowered(waveform: Waveform) -> Waveform:
    """Another person, roughly: pitch and vocal tract four semitones lower."""
    return audio.resample(waveform, source_rate=RATE, target_rate=int(RATE * 2 ** (4 / 12)))


def test_an_embedding_has_unit_length_whatever_the_level_and_rate(
    encoder: SpeakerEncoder, sentences: list[Waveform]
) -> None:
    embedding, soft, loud = encoder.embed_many([sentences[0], sentences[0] * 0.1, sentences[0] * 3])
    assert embedding.shape == (256,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    assert embedding @ soft > 0.999
    assert embedding @ loud > 0.999
    wide = audio.resample(sentences[0], source_rate=RATE, target_rate=48_000)
    assert embedding @ encoder.embed_many([wide], sample_rate=48_000)[0] > 0.99


def test_embeddings_are_those_of_resemblyzer(encoder: SpeakerEncoder) -> None:
    waveform, sample_rate = soundfile.read(SPEECH / "ss-noservice.flac", dtype="float32")
    (embedding,) = encoder.embed_many([waveform], sample_rate=sample_rate)
    assert embedding[list(RESEMBLYZER_LARGEST)] == pytest.approx(list(RESEMBLYZER_LARGEST.values()), abs=1e-3)


def test_one_speaker_is_more_similar_than_another(encoder: SpeakerEncoder, sentences: list[Waveform]) -> None:
    same = encoder.similarity(sentences[:5], sentences[5:])
    other = encoder.similarity([lowered(one) for one in sentences[:5]], sentences[5:])
    assert same > 0.9
    assert other < same - 0.1


def test_recordings_among_themselves_are_each_compared_with_the_others(
    encoder: SpeakerEncoder, sentences: list[Waveform]
) -> None:
    some = sentences[:3]
    expected = [encoder.similarity([one], [other for other in some if other is not one]) for one in some]
    assert mean_cosine_among(encoder.embed_many(some)) == pytest.approx(np.mean(expected), abs=1e-4)
    assert mean_cosine_among(encoder.embed_many(some[:1])) == 1


def test_a_very_short_waveform_has_an_embedding(encoder: SpeakerEncoder, sentences: list[Waveform]) -> None:
    assert np.isfinite(encoder.embed_many([sentences[0][: RATE // 2]])).all()


def test_broken_speaker_weights_are_named(tmp_path: Path, sentences: list[Waveform]) -> None:
    (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(WeightsUnavailable, match="cannot be read"):
        SpeakerEncoder(tmp_path / "weights.pt").embed_many([sentences[0]])


def test_real_speech_sounds_more_natural_than_the_same_in_noise(sentences: list[Waveform]) -> None:
    naturalness = Naturalness()
    clean = naturalness.score(sentences[0])
    noise = np.random.default_rng(0).normal(0, 0.05, len(sentences[0])).astype(np.float32)
    assert 4 < clean <= 5
    assert 1 <= naturalness.score(sentences[0] + noise) < clean - 1


@pytest.mark.parametrize(
    ("reference", "heard", "language", "expected"),
    [
        ("I'll pay twenty-five dollars, Mr. Brown!", "i will pay $25 mister brown", "en", 0),
        ("Press 4, then wait.", "press four then wait", "en", 0),
        ("Please check the number", "please check a number", "en-US", 1 / 4),
        ("Please check the number", "", "en", 1),
        ("Please check...", "please check", "en", 0),
        ("J'ai 21 ans.", "j'ai vingt et un ans", "fr", 0),
        ("Ho venticinque anni", "Ho 25 anni!", "it", 0),
        ("मैं घर जाता हूँ।", "मैं घर जाती हूँ", "hi", 1 / 4),
        ("こんにちは、世界", "こんにちは世間", "ja", 1 / 7),
        ("", "", "en", 0),
        ("...", "something", "en", 1),
    ],
)
def test_word_error_rate_counts_words_not_spelling(reference: str, heard: str, language: str, expected: float) -> None:
    assert word_error_rate(reference, heard, language) == pytest.approx(expected)


def test_real_speech_passes_the_check(sentences: list[Waveform]) -> None:
    text = "That agent is already logged on. Please enter your agent number followed by the pound key."
    assert check_waveform(sentences[0], text=text) is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda speech: speech[:0], "empty"),
        (lambda speech: np.where(np.arange(len(speech)) == 5, np.nan, speech), "not numbers"),
        (lambda speech: speech * 1e-3, "silent"),
        (lambda speech: np.clip(speech * 8, -1, 1), "clipped"),
        (lambda speech: speech[: RATE // 2], "too short"),
        (lambda speech: np.tile(speech, 8), "too long"),
    ],
)
def test_spoilt_speech_does_not_pass_the_check(
    spoil: Callable[[Waveform], Waveform], words: str, sentences: list[Waveform]
) -> None:
    text = "That agent is already logged on. Please enter your agent number followed by the pound key."
    assert words in str(check_waveform(spoil(sentences[0]), text=text))
