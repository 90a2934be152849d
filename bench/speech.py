"""How soon, how fast and how evenly a voice speaks, over HTTP from a real server.

First audio: the first sample above -50 dBFS of phrases of four words or more, after the voice has spoken once. Then the
real-time factor, the cost of streaming in naturalness, and a text of five minutes: words lost, loudness, pitch and
likeness from its first minute to its last.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import torch
from numpy.typing import NDArray

from bench.sentences import SENTENCES
from bench.serving import PeakMemory, serving
from model.audio import SAMPLE_RATE
from model.engines.kokoro import phonemes, symbols, synthesis, weights
from model.engines.kokoro.features import pitch_of
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.styles import stock_style
from model.evaluation import Naturalness, SpeakerEncoder, word_error_rate
from model.sentences import TEST_SENTENCES
from model.transcription import Transcriber, prepare_whisper

Waveform = NDArray[np.float32]

AUDIBLE = 10 ** (-50 / 20)
PHRASES = 30
LONG_SECONDS = 300
LOUDNESS_SECONDS = 10


class Speaker:
    """One voice over the API, as raw float samples."""

    def __init__(self, client: httpx.Client, voice_id: str, model_id: str) -> None:
        self._client = client
        self._voice_id = voice_id
        self._model_id = model_id

    def speak(self, text: str) -> tuple[Waveform, float, float]:
        """Waveform, seconds until the first audible sample, seconds in all."""
        body = {
            "model_id": self._model_id,
            "transcript": text,
            "language": "en",
            "voice": {"mode": "id", "id": self._voice_id},
            "output_format": {"container": "raw", "encoding": "pcm_f32le", "sample_rate": SAMPLE_RATE},
        }
        first, content = None, bytearray()
        started = time.monotonic()
        with self._client.stream("POST", "/tts/bytes", json=body) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                content += part
                heard = np.frombuffer(bytes(content[: len(content) // 4 * 4]), dtype=np.float32)
                if first is None and np.abs(heard).max(initial=0.0) > AUDIBLE:
                    first = time.monotonic() - started
        seconds = time.monotonic() - started
        return np.frombuffer(bytes(content), dtype=np.float32), first or seconds, seconds


def streaming_cost(weights_dir: Path) -> tuple[float, float]:
    """Mean naturalness of sentences in stretches, and in one piece."""
    network, style = weights.load(weights_dir), stock_style("af_heart")
    naturalness, memory = Naturalness(), NormMemory()
    streamed, whole = [], []
    for text in SENTENCES["en"]:
        speaking = synthesis.speak(lambda: network, text, style=style, language="en", memory=memory)
        streamed.append(naturalness.score(np.concatenate([stretch.waveform for stretch in speaking])))
        phrase = next(iter(phonemes.phrases_of(text, "en")))
        reading = network.read(torch.tensor(symbols.ids_of(phrase)), torch.from_numpy(style))
        start, end = synthesis.spoken_frames(reading.durations.tolist(), phrase)
        whole.append(naturalness.score(network.render(reading, start, end, NormMemory()).numpy()))
    return float(np.mean(streamed)), float(np.mean(whole))


def long_text(speaker: Speaker, weights_dir: Path) -> None:
    """Five minutes at a stretch; prints what becomes of words, loudness, pitch and likeness."""
    sentences = [*SENTENCES["en"], *TEST_SENTENCES["en"]]
    rng = random.Random(0)
    texts: list[str] = []
    while sum(map(len, texts)) < LONG_SECONDS * 15:
        texts += rng.sample(sentences, k=len(sentences))
    waveform, _, seconds = speaker.speak(" ".join(texts))
    minute = 60 * SAMPLE_RATE
    window = LOUDNESS_SECONDS * SAMPLE_RATE
    parts = [waveform[start : start + window] for start in range(0, len(waveform) - window + 1, window)]
    levels = 10 * np.log10([float(np.square(part).mean()) for part in parts])
    heard = " ".join(
        result.text for result in Transcriber(prepare_whisper(weights_dir)).transcribe_many(_windows(waveform), "en")
    )
    first, last = waveform[:minute], waveform[-minute:]
    pitches = [float(np.median(f0[f0 > 0])) for f0 in (pitch_of(first), pitch_of(last))]
    wer = word_error_rate(" ".join(texts), heard, "en")
    likeness = SpeakerEncoder().similarity([last], [first])
    print(f"{len(waveform) / SAMPLE_RATE:.0f} s of speech in {seconds:.0f} s: WER {wer:.3f}")
    print(f"  10 s: {levels.min():.1f} to {levels.max():.1f} dBFS, largest step {np.abs(np.diff(levels)).max():.1f} dB")
    print(f"  median pitch {pitches[0]:.0f} Hz in the first minute, {pitches[1]:.0f} Hz in the last")
    print(f"  likeness of these two minutes {likeness:.3f}")


def _windows(waveform: Waveform) -> list[Waveform]:
    """Some 20 s each, cut where it is quietest."""
    windows, start, hop = [], 0, SAMPLE_RATE // 50
    while len(waveform) - start > 25 * SAMPLE_RATE:
        zone = waveform[start + 15 * SAMPLE_RATE : start + 25 * SAMPLE_RATE]
        power = np.convolve(np.square(zone), np.ones(8 * hop), mode="same")[::hop]
        end = start + 15 * SAMPLE_RATE + int(power.argmin()) * hop
        windows.append(waveform[start:end])
        start = end
    return [*windows, waveform[start:]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights-dir", type=Path, help="folder of converted weights, to save their conversion")
    parser.add_argument("--data-dir", type=Path, help="data folder of a clone whose first voice shall speak")
    parser.add_argument("--model", default="kokoro-82m-2025-01-27")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = options.data_dir or Path(folder) / "data"
        weights_dir = options.weights_dir or data_dir / "weights"
        with serving(data_dir, weights_dir) as (url, pid):
            memory = PeakMemory(pid)
            with httpx.Client(base_url=url, timeout=600, headers={"Authorization": "Bearer any"}) as client:
                own = {"is_owner": options.data_dir is not None}
                voice = client.get("/voices", params=own).raise_for_status().json()["data"][0]
                speaker = Speaker(client, voice["id"], options.model)
                speaker.speak(SENTENCES["en"][0])
                texts = [*SENTENCES["en"], *TEST_SENTENCES["en"]] * 2
                spoken = [speaker.speak(text) for text in texts[:PHRASES]]
                firsts = [first for _, first, _ in spoken]
                factors = [seconds / (len(waveform) / SAMPLE_RATE) for waveform, _, seconds in spoken]
                print(f"first audio p50 {np.median(firsts):.2f} s, p95 {np.percentile(firsts, 95):.2f} s")
                print(f"real-time factor p50 {np.median(factors):.2f}, p95 {np.percentile(factors, 95):.2f}")
                long_text(speaker, weights_dir)
            memory.close()
        print("peak MB: " + ", ".join(f"{kind} {peak:.0f}" for kind, peak in memory.megabytes.items()))
        streamed, whole = streaming_cost(weights_dir)
        print(f"naturalness of a stock voice in stretches {streamed:.2f}, in one piece {whole:.2f}")


if __name__ == "__main__":
    main()
