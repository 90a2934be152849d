"""The check at the end of a training: how strongly the fine-tune speaks, whether the voices pass, the report card."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.engines.protocol import Engine, TrainingClip
from model.sampling import spread
from model.sentences import TEST_SENTENCES
from playground.services.checking import (
    NATURALNESS_HARDLY_LOST,
    NATURALNESS_LOST,
    WORDS_LOST,
    Gates,
    Heard,
    Judge,
    Listener,
)
from playground.services.held_out import LONG_SECONDS
from playground.speech_process import VoiceSource
from storage.media import Media
from storage.records import FineTune, Voice

WORST_WER, WER_ABOVE_STOCK = 0.2, WORDS_LOST + 0.05
"""Of the four voices on the whole; a few sentences in one of them say less: recognition mishears by chance. More than
the gate of the strength forgives: what passes that shall not fail for the next sentences."""
WER_OF_ONE_ABOVE = 0.15
MOST_JUDGED = 30
"""Recordings that were trained on, whose naturalness counts beside those kept back, which are few: 13 of them were told
as 4.01 where all 43 have 3.89 (Spanish)."""


@dataclass
class _Trial:
    """One strength in all voices: their lines of the report card, and what is wrong with their sound."""

    strength: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """The mean of the voices: each alone may be more or less natural, by its clip and by chance."""
        digits = {"similarity": 3, "naturalness": 2, "word_error_rate": 3}
        means = {name: round(sum(row[name] for row in self.rows) / len(self.rows), to) for name, to in digits.items()}
        return {"name": f"Strength {self.strength:g}", "strength": self.strength, "problems": self.problems, **means}


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

    def carry_out(
        self, voices: Sequence[Voice], held_out: Sequence[TrainingClip], trained: Sequence[TrainingClip]
    ) -> Iterator[tuple[int, int]]:
        """Yields how many of how many steps are done."""
        from model.audio import read_wav

        recordings = [read_wav(clip.path)[0] for clip in held_out]
        judge = Judge(recordings)
        others = [read_wav(clip.path)[0] for clip in _some_long(trained)]
        recorded = judge.row("Recordings", recordings, None, also=others)
        stock = judge.row("Stock voice", self._stock.waveforms, self._stock.word_error_rate)
        gates = Gates.between(recorded, stock)
        spoken = yield from self._hear_at_best(voices, judge, gates)
        self.problems += spoken.problems
        self._require_understood([row["word_error_rate"] for row in spoken.rows])
        cloned = self._listener.hear(
            VoiceSource(
                model_id=self._fine_tune.model_id,
                reference_path=self._media.path(voices[0].reference_path),
                reference_text=voices[0].reference_text,
            )
        )
        base = judge.row("Base model from the same clip", cloned.waveforms, cloned.word_error_rate)
        self.report |= {
            "rows": [recorded, *spoken.rows, base, stock],
            "held_out_clips": len(held_out),
            "judged_clips": len(recordings) + len(others),
            "sentences": len(TEST_SENTENCES[self._fine_tune.language]),
        }
        yield 1, 1

    def _source(self, voice: Voice, *, strength: float) -> VoiceSource:
        """With the strength named: the process that speaks may hold the model with another one, set before."""
        return VoiceSource(
            model_id=self._fine_tune.model_id,
            folder=self._folder / "model",
            strength=strength,
            style_path=self._media.path(voice.style_path),
        )

    def _hear_at_best(
        self, voices: Sequence[Voice], judge: Judge, gates: Gates
    ) -> Generator[tuple[int, int], None, _Trial]:
        """Let all voices speak with one strength after the other; returns what was heard of the best, which is set.

        That is the greatest that passes the gates, the first of all only if it hardly loses naturalness; if none does,
        the most natural of those that are understood, or the best understood of those that are not. A greater one that
        is as good is preferred.
        """
        trials: list[_Trial] = []
        for strength in self._engine.strengths:
            trial, before = _Trial(strength), len(voices) * len(trials)
            for number, voice in enumerate(voices):
                yield before + number, before + len(voices) + 1
                heard = self._listener.hear(self._source(voice, strength=strength))
                trial.rows.append(judge.row(f"V{number}", heard.waveforms, heard.word_error_rate))
                trial.problems += [f"V{number}: {problem}" for problem in heard.problems]
            trials.append(trial)
            lost = NATURALNESS_LOST if len(trials) > 1 else NATURALNESS_HARDLY_LOST
            if gates.passed_by(trial.summary(), lost=lost):
                best = trial
                break
        else:
            best = max(trials, key=lambda trial: gates.rank(trial.summary()))
        best = next(trial for trial in trials if gates.rank(trial.summary()) >= gates.rank(best.summary()))
        if len(self._engine.strengths) > 1:
            self._engine.set_strength(self._folder / "model", best.strength)
            self.report |= {
                "strength": best.strength,
                "tried": [trial.summary() for trial in trials],
                "passed_gates": gates.passed_by(best.summary()),
            }
        return best

    def _require_understood(self, rates: Sequence[float]) -> None:
        """Note a problem where the voices, or one of them, are not intelligible; `rates` are their word error rates."""
        worst = max(WORST_WER, self._stock.word_error_rate + WER_ABOVE_STOCK)
        said = "{name}: {rate:.0%} of the words of the test sentences were not understood; {worst:.0%} are allowed."
        mean = sum(rates) / len(rates)
        if mean > worst:
            self.problems.append(said.format(name="The four voices", rate=mean, worst=worst))
        of_one = worst + WER_OF_ONE_ABOVE
        self.problems += [
            said.format(name=f"V{number}", rate=rate, worst=of_one)
            for number, rate in enumerate(rates)
            if rate > of_one
        ]


def _some_long(clips: Sequence[TrainingClip]) -> Sequence[TrainingClip]:
    """From the first clip to the last, long ones where there are any: a word or two counts as less natural."""
    return spread([clip for clip in clips if clip.duration_seconds >= LONG_SECONDS] or clips, MOST_JUDGED)
