"""Quality, time and memory of clones, made by a real server over plain HTTP from a folder of recordings.

Only the audio is trained on; the folder's `metadata.csv` (name|transcript) serves scoring. Of the recordings of 3 s or
more, `--held-out` are kept back to compare with (or `--others` are other recordings of the same speaker). Each run is
appended to `--results` (JSON lines, with the commit), and a run that is there already is not repeated: a bench that was
stopped goes on where it was. With `--table` alone it prints what is in the file.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clone_table import table
from bench.cloning import Run, clone
from bench.machine import cores, current_commit
from bench.pictures import save_spectrograms
from bench.scoring import Scores, octaves_of, phones_per_second
from bench.sentences import SENTENCES
from bench.speaker import Speaker, decoded, seconds_of, wav_of
from model.audio import SAMPLE_RATE, read_wav, write_wav
from model.base_models import resolve
from model.references import USUAL_SECONDS
from model.sampling import spread
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.speech_process import SpeakingAs, SpeechProcess, VoiceSource

Waveform = NDArray[np.float32]

STRANGERS_SENTENCES = 3
VARIETY_CLIPS = 24
PICTURED_SECONDS = 5.0
STRANGERS = {
    "feminine": (
        "af_heart",
        "af_bella",
        "af_nicole",
        "af_sarah",
        "af_kore",
        "bf_emma",
        "ef_dora",
        "ff_siwis",
        "if_sara",
    ),
    "masculine": ("am_michael", "am_fenrir", "am_puck", "am_echo", "am_onyx", "bm_george", "em_alex", "im_nicola"),
}


class Bench:
    """Runs clones and keeps what came of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._work: Path = options.work / current_commit()
        self._weights_dir = options.weights_dir or options.work / "weights"
        self._speaker = Speaker(options.recordings, others=options.others, held_out=options.held_out)

    def run(self, run: Run) -> dict[str, Any]:
        """Train, speak, and measure."""
        began = time.monotonic()
        work = self._work / run.name
        is_resumed = (work / "training.json").exists()
        work.mkdir(parents=True, exist_ok=True)
        trained, compared = self._speaker.split(run.seed)
        training = _kept(work / "training.json", lambda: clone(run, trained, work, self._weights_dir))
        folder = Path(training["folder"])
        speech = SpeechProcess(self._weights_dir)
        scores, rows = self._scored(run, speech, compared, work, folder / "references" / "V0.wav")
        variety = {}
        own = [path for path in compared if path.stem in self._speaker.texts]
        if own:
            texts = [self._speaker.texts[path.stem] for path in own]
            rows["recordings"] = scores.row(decoded(own, work), texts, is_recorded=True).as_dict()
            variety = self._variety(run, speech, own, work, folder / "model")
            self._draw(run, speech, own, work, folder)
        speech.close()
        sentences = SENTENCES[run.language]
        for position in range(4):
            spoken = [read_wav(work / f"V{position}-{number}.wav")[0] for number in range(len(sentences))]
            rows[f"V{position}"] = scores.row(spoken, sentences).as_dict()
        return {
            "name": run.name,
            "commit": current_commit(),
            "model": run.model_id,
            "machine": f"{platform.machine()}, {cores()} cores",
            "recordings": len(trained),
            "compared_with": len(compared),
            "scale": scores.scale,
            "variety": variety,
            "minutes_of_the_bench": None if is_resumed else round((time.monotonic() - began) / 60, 2),
            **training,
            "rows": rows,
        }

    def _scored(
        self, run: Run, speech: SpeechProcess, compared: Sequence[Path], work: Path, reference: Path
    ) -> tuple[Scores, dict[str, dict[str, float]]]:
        """The scores, and the rows of what the base does without training."""
        sentences = SENTENCES[run.language]
        folder = self._work / f"stock-{run.language}"
        strangers = {
            name: self._spoken(speech, VoiceSource(model_id=run.model_id, stock_name=name), run, folder / name)
            for name in STRANGERS[run.gender]
        }
        scores = Scores(
            recordings=decoded(compared, work),
            strangers=[one for spoken in strangers.values() for one in spoken],
            language=run.language,
            transcriber=Transcriber(prepare_whisper(self._weights_dir)),
        )
        nearest = max(strangers, key=lambda name: scores.similarity(strangers[name]))
        sources = {"nearest stock voice": VoiceSource(model_id=run.model_id, stock_name=nearest)}
        sources["base from one clip"] = VoiceSource(model_id=run.model_id, reference_path=reference)
        rows = {}
        for name, source in sources.items():
            spoken = self._spoken(speech, source, run, work / name.replace(" ", "-"), count=len(sentences))
            rows[name] = scores.row(spoken, sentences).as_dict()
        return scores, rows

    def _variety(
        self, run: Run, speech: SpeechProcess, recordings: Sequence[Path], work: Path, model: Path
    ) -> dict[str, float]:
        """Whether voices made of clips that were not trained on differ as those clips do: Spearman's rank
        correlation of median pitch, and of phones a second (letters are no measure of it from text to text: in
        French many are mute, and the same voices correlate by .69 instead of .85)."""
        from scipy.stats import spearmanr

        usual = [path for path in recordings if USUAL_SECONDS[0] <= seconds_of(path) <= USUAL_SECONDS[1]]
        clips = spread(usual, VARIETY_CLIPS)
        figures = []
        for path, waveform in zip(clips, decoded(clips, work), strict=True):
            text = self._speaker.texts[path.stem]
            source = VoiceSource(
                model_id=run.model_id,
                folder=model,
                reference_path=wav_of(path, work),
                reference_text=text,
            )
            sentences = SENTENCES[run.language][:STRANGERS_SENTENCES]
            spoken = self._spoken(speech, source, run, work / "variety" / path.stem)
            figures.append(
                (
                    np.median(octaves_of([waveform])),
                    np.median(octaves_of(spoken)),
                    phones_per_second([text], [waveform], run.language),
                    phones_per_second(sentences, spoken, run.language),
                )
            )
        pitch, spoken_pitch, pace, spoken_pace = np.array(figures).T
        return {
            "clips": len(clips),
            "pitch": round(float(spearmanr(pitch, spoken_pitch).statistic), 3),
            "pace": round(float(spearmanr(pace, spoken_pace).statistic), 3),
        }

    def _spoken(
        self, speech: SpeechProcess, source: VoiceSource, run: Run, folder: Path, *, count: int = STRANGERS_SENTENCES
    ) -> list[Waveform]:
        """The first sentences, from the folder when they were spoken before."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, sentence in enumerate(SENTENCES[run.language][:count]):
            path = folder / f"{number}.wav"
            if not path.exists():
                said = speech.speak(SpeakingAs(source=source, text=sentence, language=run.language))
                write_wav(path, np.concatenate([*said]), SAMPLE_RATE)
        return [read_wav(folder / f"{number}.wav")[0] for number in range(count)]

    def _draw(self, run: Run, speech: SpeechProcess, recordings: Sequence[Path], work: Path, folder: Path) -> None:
        """One sentence by the speaker, by V0, and by the base in the style of the same clip, as spectrograms."""
        path = min(recordings, key=lambda path: abs(seconds_of(path) - PICTURED_SECONDS))
        base = VoiceSource(model_id=run.model_id, reference_path=folder / "references" / "V0.wav")
        tuned = replace(base, folder=folder / "model", style_path=folder / "styles" / "V0.safetensors")
        sources = {"fine-tuned, V0": tuned, "base, from the clip of V0": base}
        waveforms = {f"recording: {self._speaker.texts[path.stem]}": decoded([path], work)[0]}
        for title, source in sources.items():
            said = speech.speak(SpeakingAs(source=source, text=self._speaker.texts[path.stem], language=run.language))
            waveforms[title] = np.concatenate([*said])
        save_spectrograms(work / "spectrograms.png", waveforms)


def _kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives, or gave when it was run before."""
    if not path.exists():
        path.write_text(json.dumps(make(), indent=2))
    return dict(json.loads(path.read_text()))


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--others", type=Path, help="compare with these recordings of the speaker; hold none back")
    parser.add_argument("--held-out", type=float, default=0.12, help="share of the recordings to keep back")
    parser.add_argument("--language", default="en", choices=sorted(SENTENCES))
    parser.add_argument("--gender", default="feminine", choices=sorted(STRANGERS))
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--transcribed", action="store_true", help="begin when the recordings are written down")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--model", default="kokoro-82m-2025-01-27")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--work", type=Path, default=Path("bench-work"), help="folder for data and spoken sentences")
    parser.add_argument("--results", type=Path, default=Path("bench-results.jsonl"))
    parser.add_argument("--table", action="store_true", help="print the results and run nothing")
    options = parser.parse_args()
    options.work, options.results = options.work.resolve(), options.results.resolve()
    records = _read(options.results)
    if not options.table:
        if options.recordings is None:
            parser.error("--recordings is needed")
        bench = Bench(options)
        for seed in options.seeds:
            run = Run(
                speaker=options.recordings.resolve().name,
                language=options.language,
                gender=options.gender,
                minutes=options.minutes,
                seed=seed,
                model_id=resolve(options.model).id,
                waits=options.transcribed,
            )
            if all((record["name"], record["commit"]) != (run.name, current_commit()) for record in records):
                records.append(bench.run(run))
                with options.results.open("a") as file:
                    file.write(json.dumps(records[-1]) + "\n")
    print(table(records))


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    main()
