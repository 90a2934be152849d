"""Makes folders of real recordings for the benches: the prompts that Debian packages for Asterisk.

Downloads `asterisk-core-sounds-LANGUAGE(-g722)` (see each package's `copyright`: CC BY-SA 3.0 and others), decodes
every prompt whose transcript is known to 24 kHz WAV, and writes `metadata.csv` (name|transcript) beside them.
`--joined` makes files of 5 to 10 minutes with pauses instead, as people have them; `--hours` repeats the material at
speeds of 0.90 to 1.10 until there is as much (for time and memory only, never for quality).
"""

import argparse
import gzip
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, write_wav

Waveform = NDArray[np.float32]

G722_RATE = 16_000
SHORTEST_SECONDS = 1.0
PAUSE_SECONDS = (0.4, 1.2)
FILE_SECONDS = (300.0, 600.0)
SPEEDS = (0.90, 1.10)
BRACKETED = re.compile(r"\s*(\([^)]*\)|\[[^\]]*\])")


def unpacked(language: str, folder: Path) -> Path:
    """The packages of a language, downloaded and unpacked below `folder`."""
    target = folder / "usr/share"
    if not target.exists():
        names = [f"asterisk-core-sounds-{language}-g722", f"asterisk-core-sounds-{language}"]
        subprocess.run(["apt-get", "download", *names], cwd=folder, check=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return target


def transcripts(share: Path) -> dict[str, str]:
    """Transcripts by name; what stands in brackets describes sounds and how to speak, and is left out."""
    texts = {}
    for path in share.glob("doc/*/core-sounds-*.txt.gz"):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8-sig", errors="replace").splitlines():
            name, separator, text = line.partition(":")
            # A question mark inside a word stands for a letter that the package lost.
            text = BRACKETED.sub("", text).strip()
            if separator and not line.startswith(";") and text:
                texts[name.strip()] = text
    return texts


def prompts(share: Path) -> Iterator[tuple[str, str, Waveform]]:
    """Name, transcript and 24 kHz waveform of each prompt of a second or more."""
    texts = transcripts(share)
    for path in sorted(share.glob("asterisk/sounds/*/*.g722")):
        waveform = _decoded(path)
        if path.stem in texts and len(waveform) >= SHORTEST_SECONDS * SAMPLE_RATE:
            yield path.stem, texts[path.stem], waveform


def _decoded(path: Path) -> Waveform:
    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    waveform = np.concatenate(frames).astype(np.float32) / 32768
    return soxr.resample(waveform, G722_RATE, SAMPLE_RATE).astype(np.float32)


def joined(waveforms: list[Waveform], rng: random.Random) -> Iterator[Waveform]:
    """The same as files of 5 to 10 minutes with pauses between the prompts."""
    parts: list[Waveform] = []
    wanted = rng.uniform(*FILE_SECONDS) * SAMPLE_RATE
    for waveform in waveforms:
        parts += [waveform, np.zeros(int(rng.uniform(*PAUSE_SECONDS) * SAMPLE_RATE), dtype=np.float32)]
        if sum(map(len, parts)) >= wanted:
            yield np.concatenate(parts)
            parts, wanted = [], rng.uniform(*FILE_SECONDS) * SAMPLE_RATE
    if parts:
        yield np.concatenate(parts)


def repeated(waveforms: list[Waveform], seconds: float, rng: random.Random) -> list[Waveform]:
    """The material again and again, each time at another speed, until it lasts `seconds`."""
    longer = list(waveforms)
    while sum(map(len, longer)) < seconds * SAMPLE_RATE:
        speed = rng.uniform(*SPEEDS)
        longer += [soxr.resample(one, SAMPLE_RATE * speed, SAMPLE_RATE).astype(np.float32) for one in waveforms]
    return longer


def main() -> None:
    """Write one folder of recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", required=True, choices=("en", "es", "fr", "it"))
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--joined", action="store_true")
    parser.add_argument("--hours", type=float, default=0.0)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = list(prompts(unpacked(options.language, Path(folder))))
    rng = random.Random(0)
    waveforms = [waveform for _, _, waveform in found]
    if options.joined or options.hours:
        for number, waveform in enumerate(joined(repeated(waveforms, options.hours * 3600, rng), rng)):
            write_wav(options.to / f"part-{number:02d}.wav", waveform, SAMPLE_RATE)
    else:
        for name, _, waveform in found:
            write_wav(options.to / f"{name}.wav", waveform, SAMPLE_RATE)
        rows = [f"{name}|{text}\n" for name, text, _ in found]
        (options.to / "metadata.csv").write_text("".join(rows), encoding="utf-8")
    print(f"{len(found)} prompts, {sum(map(len, waveforms)) / SAMPLE_RATE / 60:.1f} minutes")


if __name__ == "__main__":
    main()
