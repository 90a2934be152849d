"""The check at the end of a training: how strongly the fine-tune speaks, whether the voices pass, the report card."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
"""Of the four voices on the whole: more than the gate of the strength forgives. A few sentences in one of them say
less: recognition mishears by chance."""
WER_OF_ONE_ABOVE = 0.15
MOST_JUDGED = 30
"""Recordings that were trained on, whose naturalness counts beside those kept back, which are few: 13 of them were told
as 4.01 where all 43 have 3.89 (Spanish)."""


STRENGTHS_TRIED = 2
"""Of the strengths, how many are heard in the time kept free; a run ends earlier or later by the time of others."""


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """One strength in all voices: their lines of the report card, and what is wrong with them."""

    strength: float
    rows: Sequence[Mapping[str, Any]]
    problems: Sequence[str]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The mean of the voices: each alone may be more or less natural, by its clip and by chance."""
        digits = {"similarity": 3, "naturalness": 2, "word_error_rate": 3}
        means = {name: round(sum(row[name] for row in self.rows) / len(self.rows), to) for name, to in digits.items()}
        return {
            "name": f"Strength {self.strength:g}",
            "strength": self.strength,
            "problems": list(self.problems),
            **means,
        }


def hearings(engine: Engine, voices: int) -> int:
    """How many times a voice is heard: each with the strengths that time is kept for, the base from a clip."""
    return voices * min(STRENGTHS_TRIED, len(engine.strengths)) + 1


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
        self.problems: Sequence[str] = ()

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
        self.problems = spoken.problems
        steps = hearings(self._engine, len(voices))
        yield steps - 1, steps
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
            "is_more_alike": bool(spoken.rows[0]["similarity"] > base["similarity"]),
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
            trials.append((yield from self._heard_at(strength, voices, judge, before=len(voices) * len(trials))))
            lost = NATURALNESS_LOST if len(trials) > 1 else NATURALNESS_HARDLY_LOST
            if gates.passed_by(trials[-1].summary, lost=lost):
                break
        best = max(trials, key=lambda trial: gates.rank(trial.summary))
        if len(self._engine.strengths) > 1:
            self._engine.set_strength(self._folder / "model", best.strength)
            self.report |= {
                "strength": best.strength,
                "tried": [trial.summary for trial in trials],
                "passed_gates": gates.passed_by(best.summary),
            }
        return best

    def _heard_at(
        self, strength: float, voices: Sequence[Voice], judge: Judge, *, before: int
    ) -> Generator[tuple[int, int], None, _Trial]:
        """Let all voices speak with one strength; so many were heard `before`."""
        rows, problems = [], []
        for number, voice in enumerate(voices, start=before):
            yield number, max(hearings(self._engine, len(voices)), number + 2)
            heard = self._listener.hear(self._source(voice, strength=strength))
            name = f"V{number - before}"
            rows.append(judge.row(name, heard.waveforms, heard.word_error_rate))
            problems += [f"{name}: {problem}" for problem in heard.problems]
        problems += self._not_understood([row["word_error_rate"] for row in rows])
        return _Trial(strength=strength, rows=rows, problems=problems)

    def _not_understood(self, rates: Sequence[float]) -> list[str]:
        """What is wrong where the voices, or one of them, are not intelligible; `rates` are their word error rates."""
        worst = max(WORST_WER, self._stock.word_error_rate + WER_ABOVE_STOCK)
        of_one = worst + WER_OF_ONE_ABOVE
        said = "{name}: {rate:.0%} of the words of the test sentences were not understood; {worst:.0%} are allowed."
        mean = sum(rates) / len(rates)
        all_of_them = [said.format(name="The four voices", rate=mean, worst=worst)] if mean > worst else []
        return all_of_them + [
            said.format(name=f"V{number}", rate=rate, worst=of_one)
            for number, rate in enumerate(rates)
            if rate > of_one
        ]


def _some_long(clips: Sequence[TrainingClip]) -> Sequence[TrainingClip]:
    """From the first clip to the last, long ones where there are any: a word or two counts as less natural."""
    return spread([clip for clip in clips if clip.duration_seconds >= LONG_SECONDS] or clips, MOST_JUDGED)
