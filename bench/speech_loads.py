"""How soon and how fast speech comes over HTTP, from one client and from several at once."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE

Waveform = NDArray[np.float32]

CLIENTS = (1, 2, 4)
AUDIBLE = 10 ** (-50 / 20)
HEADING = """
                       first byte [s]   first audible [s]   real-time factor   seconds of speech
server        clients    p50    p95        p50    p95          p50    p95        a second   in all"""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """An answer; its times are in seconds from the request on, heard by one who plays it from the first byte on."""

    waveform: Waveform
    first_byte: float
    first_audible: float
    end: float

    @property
    def duration(self) -> float:
        return len(self.waveform) / SAMPLE_RATE


class Speaker:
    """One voice over the API, as raw float samples. May be used by several threads."""

    def __init__(self, client: httpx.Client, *, voice_id: str = "", model_id: str = "") -> None:
        self._client = client
        self._voice_id = voice_id
        self._model_id = model_id

    def speak(self, text: str) -> Spoken:
        """Raises HTTPStatusError when the server refuses."""
        body = {
            "model_id": self._model_id,
            "transcript": text,
            "language": "en",
            "voice": {"mode": "id", "id": self._voice_id},
            "output_format": {"container": "raw", "encoding": "pcm_f32le", "sample_rate": SAMPLE_RATE},
        }
        first_byte = first_audible = None
        content = bytearray()
        started = time.monotonic()
        with self._client.stream("POST", "/tts/bytes", json=body) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                now = time.monotonic() - started
                first_byte = first_byte or now
                content += part
                if first_audible is None and (silent := _silent_seconds(content)) is not None:
                    first_audible = max(now, first_byte + silent)
        end = time.monotonic() - started
        if first_byte is None or first_audible is None:
            raise ValueError(f"{answer.url} answered with silence to: {text}")
        return Spoken(waveform=_samples(content), first_byte=first_byte, first_audible=first_audible, end=end)


def print_loads(name: str, speaker: Speaker, texts: Sequence[str]) -> None:
    """A line of the table for each number of clients, who share the texts: each takes the next when it is answered."""
    speaker.speak(texts[0])
    for clients in CLIENTS:
        started = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            spoken = list(pool.map(speaker.speak, texts))
        whole = time.monotonic() - started
        seconds = sum(one.duration for one in spoken)
        print(
            f"{name:14}{clients:7}"
            f"{_percentiles([one.first_byte for one in spoken])}    "
            f"{_percentiles([one.first_audible for one in spoken])}      "
            f"{_percentiles([one.end / one.duration for one in spoken])}"
            f"{seconds / whole:16.2f}{seconds:9.1f}",
            flush=True,
        )


def _percentiles(values: Sequence[float]) -> str:
    return f"{np.percentile(values, 50):7.2f}{np.percentile(values, 95):7.2f}"


def _silent_seconds(content: bytearray) -> float | None:
    """How long it is silent at first; None when it is silent throughout."""
    is_audible = np.abs(_samples(content)) > AUDIBLE
    return float(is_audible.argmax()) / SAMPLE_RATE if is_audible.any() else None


def _samples(content: bytearray) -> Waveform:
    return np.frombuffer(bytes(content[: len(content) // 4 * 4]), dtype=np.float32)
