"""The check at the end of a training: how strongly the fine-tune speaks, whether the voices pass, the report card."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from model.engines.protocol import Engine, TrainingClip
from model.sentences import TEST_SENTENCES
from playground.services.checking import Gates, Heard, Judge, Listener
from playground.speech_process import VoiceSource
from storage.media import Media
from storage.records import FineTune, Voice

WORST_WER, WER_ABOVE_STOCK = 0.2, 0.1


class VoiceCheck:
    """Lets the voices of one fine-tune speak; then `report` and `problems` are there."""

    def __init__(
        self, *, fine_tune: FineTune, engine: Engine, folder: Path, media: Media, listener: Listener, stock: Heard
    ) -> None:
        self._fine_tune = fine_tune
        self._engine = engine
        self._folder = folder
        self._media = media
        self._listener = listener
        self._stock = stock
        self.report: dict[str, Any] = {}
        self.problems: list[str] = []

    def carry_out(self, voices: Sequence[Voice], held_out: Sequence[TrainingClip]) -> Iterator[tuple[int, int]]:
        """Yields how many of how many steps are done."""
        from model.audio import read_wav

        steps = len(voices) + 2
        recordings = [read_wav(clip.path)[0] for clip in held_out]
        judge = Judge(recordings)
        rows = [judge.row("Recordings", recordings, None)]
        stock = judge.row("Stock voice", self._stock.waveforms, self._stock.word_error_rate)
        yield 0, steps
        first = self._choose_strength(voices[0], judge, Gates.between(rows[0], stock))
        yield 1, steps
        for number, voice in enumerate(voices):
            name = f"V{number}"
            heard, row = first if number == 0 and first else self._judged(name, voice, judge)
            rows.append(row)
            self._note_problems(name, heard)
            yield number + 2, steps
        cloned = self._listener.hear(
            VoiceSource(
                model_id=self._fine_tune.model_id,
                reference_path=self._media.path(voices[0].reference_path),
                reference_text=voices[0].reference_text,
            )
        )
        rows.append(judge.row("Base model from the same clip", cloned.waveforms, cloned.word_error_rate))
        self.report |= {
            "rows": [*rows, stock],
            "held_out_clips": len(held_out),
            "sentences": len(TEST_SENTENCES[self._fine_tune.language]),
        }
        yield steps, steps

    def _judged(
        self, name: str, voice: Voice, judge: Judge, *, strength: float | None = None
    ) -> tuple[Heard, dict[str, Any]]:
        """What was heard of a voice, and its line of the report card."""
        source = VoiceSource(
            model_id=self._fine_tune.model_id,
            folder=self._folder / "model",
            strength=strength,
            style_path=self._media.path(voice.style_path),
        )
        heard = self._listener.hear(source)
        return heard, judge.row(name, heard.waveforms, heard.word_error_rate)

    def _choose_strength(self, voice: Voice, judge: Judge, gates: Gates) -> tuple[Heard, dict[str, Any]] | None:
        """The greatest strength that passes the gates; if none does, the most natural of those that are understood.

        Gives what was heard of the first voice with it, and its line; None where there is nothing to choose.
        """
        if len(self._engine.strengths) == 1:
            return None
        tried: list[tuple[float, Heard, dict[str, Any]]] = []
        for strength in self._engine.strengths:
            heard, row = self._judged("V0", voice, judge, strength=strength)
            tried.append((strength, heard, row))
            if gates.passed_by(row):
                break
        else:
            tried.sort(key=lambda one: (gates.understood(one[2]), one[2]["naturalness"]))
        strength, heard, row = tried[-1]
        self._engine.set_strength(self._folder / "model", strength)
        self.report |= {"strength": strength, "passed_gates": gates.passed_by(row)}
        return heard, row

    def _note_problems(self, name: str, heard: Heard) -> None:
        """What is not intelligible, silent or clipped."""
        self.problems += [f"{name}: {problem}" for problem in heard.problems]
        worst = max(WORST_WER, self._stock.word_error_rate + WER_ABOVE_STOCK)
        if heard.word_error_rate > worst:
            self.problems.append(
                f"{name}: {heard.word_error_rate:.0%} of the words of the test sentences were not understood; "
                f"{worst:.0%} are allowed."
            )
