"""How soon, how fast and how evenly a voice speaks, over HTTP from a real server.

First a table: 1, 2 and 4 clients at once, in threads, let kokoro-onnx (`make bench` installs it) and then the
playground, each a server of its own, say the same sentences, after the voice has spoken once. Times count from the
request on; the first audible sample (above -50 dBFS) is that of a listener who plays from the first byte on. The
real-time factor is that of single requests, their waiting included; “a second” is what all clients hear together. Both
have the same weights; kokoro-onnx computes in int8, the playground in float32.

The playground speaks two texts at once and lets eight more wait (PLAYGROUND_SPEECHES_AT_ONCE and _WAITING): of four
clients two wait for their turn, here however long it takes (PLAYGROUND_SPEECH_WAIT_SECONDS is set); none meets 429.

Then a text of five minutes: words lost, loudness, pitch and likeness from its first minute to its last; and the cost of
streaming in naturalness. With `--data-dir` of a clone also how large it is, and how soon it is loaded.
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import torch
from numpy.typing import NDArray

from bench.sentences import SENTENCES
from bench.serving import PeakMemory, serving, started
from bench.speech_loads import HEADING, Speaker, Waveform, print_loads
from model.audio import SAMPLE_RATE
from model.engines.kokoro import phonemes, symbols, synthesis
from model.engines.kokoro.engine import KokoroEngine, KokoroModel
from model.engines.kokoro.features import pitch_of
from model.engines.kokoro.layers import NormMemory
from model.engines.kokoro.network import FINE_TUNED_LEAD_FRAMES
from model.engines.kokoro.state import MODEL_FILE, STORY_FILE
from model.engines.kokoro.styles import stock_style
from model.evaluation import Naturalness, SpeakerEncoder, word_error_rate
from model.sentences import TEST_SENTENCES
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.services.voices import SDK_EXAMPLE_VOICE
from playground.speech_process import read_style

ENGLISH = (*SENTENCES["en"], *TEST_SENTENCES["en"])
PATIENCE_SECONDS = 600.0
LONG_SECONDS = 300
LOUDNESS_SECONDS = 10
TURNS = 5


def streaming_cost(model: KokoroModel, style: NDArray[np.float32]) -> tuple[float, float]:
    """Mean naturalness of sentences as they are streamed, in phrases and stretches, and each in one piece."""
    network, naturalness = model.network(), Naturalness()
    lead_frames = None if model.path is None else FINE_TUNED_LEAD_FRAMES
    melody = 1.0 if model.speaker is None else float(model.speaker.melody)
    streamed, whole = [], []
    for text in SENTENCES["en"]:
        speaking = model.synthesize(text, style=style, language="en")
        streamed.append(naturalness.score(np.concatenate([stretch.waveform for stretch in speaking])))
        phrase = phonemes.phonemes_of(text, "en")
        ids = torch.tensor(symbols.ids_of(phrase))
        reading = network.read(ids, torch.from_numpy(style), lead_frames=lead_frames, melody=melody)
        start, end = synthesis.spoken_frames(reading.durations.tolist(), phrase)
        whole.append(naturalness.score(network.render(reading, start, end, NormMemory()).numpy()))
    return float(np.mean(streamed)), float(np.mean(whole))


def print_turns(engine: KokoroEngine, folder: Path) -> None:
    """What it costs to speak by a fine-tune after the base, and after another one: the time and the size on disk."""
    megabytes = (folder / MODEL_FILE).stat().st_size / 1e6
    engine.load(None)
    seconds = []
    for _ in range(TURNS):
        started_at = time.monotonic()
        model = engine.load(folder)
        seconds.append(time.monotonic() - started_at)
        engine.load(None).network()
    turns = []
    for _ in range(TURNS):
        started_at = time.monotonic()
        model.network()
        turns.append(time.monotonic() - started_at)
        engine.load(None).network()
    print(f"a fine-tune: {megabytes:.0f} MB, checked and loaded in {max(seconds):.2f} s, its turn {max(turns):.2f} s")


def long_text(speaker: Speaker, weights_dir: Path) -> None:
    """Five minutes at a stretch; prints what becomes of words, loudness, pitch and likeness."""
    rng = random.Random(0)
    texts: list[str] = []
    while sum(map(len, texts)) < LONG_SECONDS * 15:
        texts += rng.sample(ENGLISH, k=len(ENGLISH))
    spoken = speaker.speak(" ".join(texts))
    waveform = spoken.waveform
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
    print(f"\n{spoken.duration:.0f} s of speech in {spoken.end:.0f} s: WER {wer:.3f}")
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


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, headers={"Authorization": "Bearer any"})


def _first_own_voice(client: httpx.Client) -> str:
    return str(client.get("/voices", params={"is_owner": True}).raise_for_status().json()["data"][0]["id"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights-dir", type=Path, help="folder of converted weights, to save their conversion")
    parser.add_argument("--data-dir", type=Path, help="data folder of a clone whose first voice shall speak")
    parser.add_argument("--model", default="kokoro-82m-2025-01-27")
    parser.add_argument("--sentences", type=int, default=30, help="sentences of each line of the table")
    parser.add_argument("--table-only", action="store_true", help="leave out the long text and naturalness")
    options = parser.parse_args()
    texts = [ENGLISH[number % len(ENGLISH)] for number in range(options.sentences)]
    os.environ |= {"PLAYGROUND_SPEECH_WAIT_SECONDS": str(PATIENCE_SECONDS), "PLAYGROUND_LOG_LEVEL": "WARNING"}
    print(HEADING)
    with started(["-m", "bench.kokoro_onnx_server"]) as (url, _), _client(url) as client:
        print_loads("kokoro-onnx", Speaker(client), texts)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = options.data_dir or Path(folder) / "data"
        weights_dir = options.weights_dir or data_dir / "weights"
        with serving(data_dir, weights_dir) as (url, pid), _client(url) as client:
            memory = PeakMemory(pid)
            voice_id = _first_own_voice(client) if options.data_dir else SDK_EXAMPLE_VOICE
            speaker = Speaker(client, voice_id=voice_id, model_id=options.model)
            print_loads("playground", speaker, texts)
            if not options.table_only:
                long_text(speaker, weights_dir)
            memory.close()
        print("peak MB: " + ", ".join(f"{kind} {peak:.0f}" for kind, peak in memory.megabytes.items()))
        if not options.table_only:
            engine = KokoroEngine(weights_dir, device="cpu")
            streamed, whole = streaming_cost(engine.load(None), stock_style("af_heart"))
            print(f"naturalness of a stock voice as it is streamed {streamed:.2f}, in one piece {whole:.2f}")
            for folder in [story.parent for story in sorted(data_dir.glob(f"fine_tunes/*/model/{STORY_FILE}"))]:
                streamed, whole = streaming_cost(
                    engine.load(folder), read_style(folder.parent / "styles" / "V0.safetensors")
                )
                print(f"naturalness of a fine-tune as it is streamed {streamed:.2f}, in one piece {whole:.2f}")
                print_turns(engine, folder)


if __name__ == "__main__":
    main()
