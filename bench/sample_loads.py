"""Many and long recordings through a real server: seconds to the verdicts, seconds of its answers, memory."""

import random
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soxr

from bench.material import files_of
from bench.recordings import joined, repeated
from bench.serving import PeakMemory, serving
from bench.spoiling import Waveform
from model.audio import SAMPLE_RATE, EncodedFormat, encode_file, write_wav
from storage.database import Storage, Tables

ASKED_EVERY_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 3600.0
SHORTEST_SECONDS = 2.5
STEREO_RATE = 48_000


@dataclass(frozen=True, kw_only=True)
class Loads:
    """Sends recordings made of `prompts` to a server of its own."""

    prompts: list[Waveform]
    folder: Path
    weights_dir: Path | None

    def many(self, count: int) -> dict[str, Any]:
        """Files of single sentences, sent one after the other."""
        long = [prompt for prompt in self.prompts if len(prompt) >= SHORTEST_SECONDS * SAMPLE_RATE]
        seconds = count * sum(map(len, long)) / len(long) / SAMPLE_RATE
        waveforms = repeated(long, 1.1 * seconds, random.Random(0))[:count]
        paths = [self.folder / f"many-{number:03}.wav" for number in range(count)]
        for path, waveform in zip(paths, waveforms, strict=True):
            write_wav(path, waveform, SAMPLE_RATE)
        return self._served(paths)

    def long(self, hours: float) -> dict[str, Any]:
        """So many hours of MP3 (44.1 kHz, 128 kbit/s) in files of 5 to 10 minutes."""
        rng = random.Random(0)
        form = EncodedFormat(container="mp3", sample_rate=44_100, bit_rate=128_000)
        paths = []
        for number, waveform in enumerate(joined(repeated(self.prompts, hours * 3600, rng), rng)):
            paths.append(self.folder / f"long-{number:02}.mp3")
            encode_file(iter([waveform]), SAMPLE_RATE, form, paths[-1])
        return self._served(paths)

    def memory(self, hours: float) -> dict[str, Any]:
        """One WAV file of so many hours, 48 kHz stereo."""
        path = self.folder / "hours.wav"
        speech = np.concatenate(list(files_of(self.prompts, 10)))
        pcm = (soxr.resample(speech, SAMPLE_RATE, STEREO_RATE) * 30_000).astype("<i2")
        with wave.open(str(path), "wb") as wav:
            wav.setparams((2, 2, STEREO_RATE, 0, "NONE", ""))
            while wav.tell() < hours * 3600 * STEREO_RATE:
                wav.writeframes(np.repeat(pcm, 2).tobytes())
        return self._served([path])

    def _served(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Send files to a real server and wait for their verdicts, then for the comparison of their speakers."""
        data_dir = self.folder / f"data-{paths[0].stem}"
        with serving(data_dir, self.weights_dir) as (url, pid), httpx.Client(base_url=url, timeout=600) as api:
            peaks, storage = PeakMemory(pid), Storage(data_dir)
            dataset = api.post("/datasets", json={"name": "Bench"}).json()["id"]
            started = time.perf_counter()
            with _asked(url, f"/datasets/{dataset}/files") as waited:
                for path in paths:
                    with path.open("rb") as file:
                        api.post(f"/datasets/{dataset}/files", files={"file": (path.name, file)}).raise_for_status()
                uploaded = time.perf_counter() - started
                judged = _seconds_until(storage, lambda tables: not tables.files.count("verdict = ''")) - started
                unheard = "usable_seconds > 0 and speaker_similarity is null"
                compared = _seconds_until(storage, lambda tables: not tables.files.count(unheard)) - started
            peaks.close()
            with storage.read() as tables:
                files = tables.files.of_dataset(dataset)
        seconds = sum(file.duration_seconds or 0 for file in files)
        return {
            "files": len(files),
            "hours": round(seconds / 3600, 2),
            "verdicts": dict(Counter(file.verdict for file in files)),
            "upload_seconds": round(uploaded, 1),
            "verdict_seconds": round(judged, 1),
            "times_real_time": round(seconds / judged),
            "speaker_seconds": round(compared, 1),
            "answer_seconds": {str(part): round(float(np.percentile(waited, part)), 3) for part in (50, 95, 100)},
            "peak_megabytes": {kind: round(peak) for kind, peak in peaks.megabytes.items()},
        }


@contextmanager
def _asked(url: str, *paths: str) -> Iterator[list[float]]:
    """Ask for the page and for `paths` again and again while the block runs: the seconds of each answer."""
    waited: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not ended.wait(ASKED_EVERY_SECONDS):
                for path in ("/", *paths):
                    started = time.perf_counter()
                    client.get(path, headers={"accept": "text/html"} if path == "/" else {}).raise_for_status()
                    waited.append(time.perf_counter() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waited
    finally:
        ended.set()
        thread.join()


def _seconds_until(storage: Storage, is_so: Callable[[Tables], bool]) -> float:
    """The clock when it came true."""
    pause = threading.Event()
    deadline = time.perf_counter() + LONGEST_WAIT_SECONDS
    while time.perf_counter() < deadline:
        with storage.read() as tables:
            if is_so(tables):
                return time.perf_counter()
        pause.wait(ASKED_EVERY_SECONDS)
    raise TimeoutError(f"not done after {LONGEST_WAIT_SECONDS:.0f} s")
