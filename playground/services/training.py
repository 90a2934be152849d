"""One run from its clips to four voices that have been checked: the stages, their time, and the report."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model import base_models
from model.engines.protocol import FineTuneConfig, StockVoice, TrainingClip
from model.errors import TooLittleSpeech, TrainingFailed
from model.noise_reduction import NoiseReducer
from model.transcription import Transcriber, prepare_whisper
from playground.parts import Parts
from playground.processes import give_memory_back
from playground.services.checking import Listener
from playground.services.datasets import MINIMUM_SECONDS
from playground.services.held_out import hold_out
from playground.services.run_clips import RunClip, RunClips
from playground.services.runs import RunProgress
from playground.services.voice_check import VoiceCheck
from playground.speech_process import SpeechProcess, StyleOf, VoiceSource, write_style
from storage.records import FineTune, Voice, now, seconds_between

log = logging.getLogger(__name__)

STAGES = ("prepare", "transcribe", "align", "prosody", "voice", "create voices", "check")
VOICES = 4
SAMPLE_RATE = 24_000
MIN_FREE_BYTES = 2 * 1024**3
SHORTEST_TRAINING_SECONDS = 20.0
HEARD_SECONDS = 45 * 60.0
"""Speech with words that a run takes at most: it sees each clip about once then."""
HEARD_SHARE, HEARD_AT_LEAST_SECONDS = 0.3, 240.0
"""Of the time left, that recognition may take of a run; but so much it always hears."""
SAVED_EVERY = 20
"""Transcripts between two writes: what a killed worker has to hear again."""
GIVING_BACK_SECONDS = 5.0
"""Between two times that freed memory is returned: kept, it grows by a gigabyte in ten minutes of training."""
TRIED = 2
"""Voices heard beside the four: the base from a clip, and one at a strength that is not taken."""
LOADING_SECONDS = 30.0
"""Kept free, beside the time that the voices take to be heard, for loading them and the measures."""


class DataFault(Exception):
    """The run cannot end well for a reason that its person can read and act on."""

    def __init__(self, message: str, *, code: str, report: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.report = report


class TrainingRun:
    """The stages of one attempt. `progress()` carries them out; then `voices` and `report` are there."""

    def __init__(self, parts: Parts, fine_tune: FineTune) -> None:
        self._parts = parts
        self._fine_tune = fine_tune
        self._base = base_models.resolve(fine_tune.model_id)
        self._folder = parts.storage.media.fine_tune_folder(fine_tune.id)
        self._clips = RunClips(parts.storage, fine_tune)
        self._speech = SpeechProcess(parts.settings.weights, device=parts.settings.device)
        self._started = time.monotonic()
        spent = seconds_between(fine_tune.started_at or now(), now())
        self._deadline = self._started + max(fine_tune.training_minutes * 60 - spent, SHORTEST_TRAINING_SECONDS)
        self._already_spent = spent
        self._reserve = 0.0
        self._usable_seconds = self._trained_seconds = 0.0
        self.voices: list[Voice] = []
        self.report: dict[str, Any] = {}

    def progress(self) -> Iterator[RunProgress]:
        """Carry out all stages; raises DataFault and ModelErrors."""
        try:
            yield from self._carry_out()
        finally:
            self._speech.close()

    def _carry_out(self) -> Iterator[RunProgress]:
        yield from self._prepare()
        yield from self._transcribe()
        clips = self._clips_with_words()
        held_out = hold_out(clips, at_least_left=VOICES)
        kept_back = {clip.id for clip in held_out}
        training = [clip for clip in clips if clip.id not in kept_back]
        self._trained_seconds = sum(clip.duration_seconds for clip in training)
        yield from self._fine_tune_engine(training)
        yield from self._create_voices(training)
        yield from self._check(held_out)

    def _prepare(self) -> Iterator[RunProgress]:
        yield self._at("prepare", 0, 4, message="Waiting until all recordings are checked")
        while self._clips.fix_when_checked():
            time.sleep(0.5)
            yield self._at("prepare", 0, 4)
        for number, count in self._clips.reduce_noise(NoiseReducer()):
            yield self._at("prepare", 0, 4, message=f"Reducing noise, clip {number} of {count}")
        yield self._at("prepare", 1, 4, message="Checking disk and weights")
        free = self._parts.storage.media.free_bytes()
        if free < MIN_FREE_BYTES:
            raise DataFault(
                f"The disk has {free / 1024**3:.1f} GB free; a training needs {MIN_FREE_BYTES / 1024**3:.0f} GB. "
                "Make room, then Retry.",
                code="disk_full",
            )
        one_time = time.monotonic()
        self._engine = base_models.make_engine(
            self._base, self._parts.settings.weights, device=self._parts.settings.device
        )
        self._engine.prepare_weights()
        self._transcriber = Transcriber(prepare_whisper(self._parts.settings.weights))
        self._deadline += time.monotonic() - one_time
        yield self._at("prepare", 2, 4, message="Speaking the test sentences with a stock voice, to compare with")
        self._listener = Listener(self._speech, self._transcriber, self._fine_tune.language)
        stock = VoiceSource(model_id=self._base.id, stock_name=self._like_the_form().name)
        self._listener.warm_up(stock)
        self._stock = self._listener.hear(stock)
        self._reserve = self._stock.seconds * (VOICES + TRIED) + LOADING_SECONDS
        yield self._at("prepare", 4, 4)

    def _like_the_form(self) -> StockVoice:
        return self._base.stock_voice_like(self._fine_tune.language, self._fine_tune.gender)

    def _transcribe(self) -> Iterator[RunProgress]:
        """Hear what has no transcript, in random order, until there is as much as this run can learn from."""
        clips = self._clips.read()
        self._usable_seconds = sum(clip.duration_seconds for clip in clips)
        texts = {clip.id: clip for clip in clips}
        unknown = [clip for clip in clips if not clip.transcript and not clip.is_heard]
        self._take_known(texts, unknown)
        missing = [clip for clip in unknown if not texts[clip.id].transcript and not texts[clip.id].is_heard]
        random.Random(self._fine_tune.id).shuffle(missing)
        known = self._usable_seconds - sum(clip.duration_seconds for clip in missing)
        wanted = 0
        for clip in missing:
            if known >= HEARD_SECONDS:
                break
            known += clip.duration_seconds
            wanted += 1
        yield self._at("transcribe", 0, wanted)
        language = self._fine_tune.language
        pulled: list[RunClip] = []
        paths = self._paths_until_late(missing[:wanted], pulled)
        heard = self._transcriber.transcribe_many(paths, language)
        for done, transcript in enumerate(heard, start=1):
            clip = pulled[done - 1]
            texts[clip.id] = replace(clip, transcript=transcript.text, is_heard=True)
            self._parts.hearing.keep(clip.id, transcript)
            if done % SAVED_EVERY == 0:
                self._clips.write(list(texts.values()))
            yield self._at("transcribe", done, wanted)
        self._parts.hearing.settle([clip.id for clip in pulled], is_partly=True)
        self._take_known(texts, [texts[clip.id] for clip in unknown])

    def _take_known(self, texts: dict[str, RunClip], clips: Sequence[RunClip]) -> None:
        """Put what the dataset knows of clips by now into `texts`, and save them all."""
        texts |= {clip.id: clip for clip in self._clips.with_known_texts(clips)}
        self._clips.write(list(texts.values()))

    def _paths_until_late(self, clips: Sequence[RunClip], pulled: list[RunClip]) -> Iterator[Path]:
        """Paths of clips, noted in `pulled`, until the share of the time is spent and enough is heard."""
        started, heard_seconds = time.monotonic(), 0.0
        late = HEARD_SHARE * (self._deadline - started)
        for clip in clips:
            if time.monotonic() - started > late and heard_seconds > HEARD_AT_LEAST_SECONDS:
                return
            heard_seconds += clip.duration_seconds
            pulled.append(clip)
            yield self._clips.path(clip)

    def _clips_with_words(self) -> list[TrainingClip]:
        """The clips of the run that have a transcript; raises DataFault when they are too few.

        A copy with less noise is another clip than the original: an engine goes on from no checkpoint of the other.
        """
        clips = [
            TrainingClip(
                id=Path(clip.path).stem,
                path=self._clips.path(clip),
                transcript=clip.transcript,
                duration_seconds=clip.duration_seconds,
            )
            for clip in self._clips.read()
            if any(character.isalnum() for character in clip.transcript)
        ]
        seconds = sum(clip.duration_seconds for clip in clips)
        if seconds < MINIMUM_SECONDS:
            raise DataFault(
                f"Words were understood in {seconds:.0f} seconds of the recordings; at least {MINIMUM_SECONDS:.0f} "
                "are needed. Check that they are in the language of the form, or add more.",
                code=TooLittleSpeech.code,
            )
        return clips

    def _fine_tune_engine(self, clips: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        seconds = self._deadline - time.monotonic() - self._reserve
        config = FineTuneConfig(language=self._fine_tune.language, seconds=max(seconds, SHORTEST_TRAINING_SECONDS / 4))
        given_back = 0.0
        self._transcriber.release()
        for progress in self._engine.fine_tune(clips, config, self._folder / "model"):
            if time.monotonic() - given_back > GIVING_BACK_SECONDS:
                give_memory_back()
                given_back = time.monotonic()
            yield self._at(
                progress.stage,
                progress.step,
                progress.steps,
                loss=progress.loss,
                message=progress.message,
                seconds_left=None if progress.seconds_left is None else progress.seconds_left + self._reserve,
            )

    def _create_voices(self, clips: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        from model.references import choose_references

        media = self._parts.storage.media
        references = choose_references(clips, count=VOICES)
        yield self._at("create voices", 0, VOICES)
        for number, clip in enumerate(references):
            reference = self._folder / "references" / f"V{number}.wav"
            style = self._folder / "styles" / f"V{number}.safetensors"
            path = media.link_in(clip.path, reference)
            source = VoiceSource(
                model_id=self._base.id,
                folder=self._folder / "model",
                reference_path=reference,
                reference_text=clip.transcript,
            )
            write_style(style, self._speech.style(StyleOf(source=source, language=self._fine_tune.language)))
            self.voices.append(
                Voice(
                    name=f"{self._fine_tune.name} - V{number}",
                    description=self._fine_tune.description,
                    language=self._fine_tune.language,
                    gender=self._fine_tune.gender,
                    model_id=self._base.id,
                    fine_tune_id=self._fine_tune.id,
                    position=number,
                    reference_path=path,
                    reference_text=clip.transcript,
                    style_path=media.relative(style),
                )
            )
            yield self._at("create voices", number + 1, VOICES)
        if len(self.voices) < VOICES:
            raise TrainingFailed(f"Only {len(self.voices)} clips are fit to make voices from; {VOICES} are needed.")

    def _check(self, held_out: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        """Choose the strength, let each voice speak, and write the report card; what nobody understands fails."""
        media = self._parts.storage.media
        check = VoiceCheck(
            fine_tune=self._fine_tune,
            engine=self._engine,
            folder=self._folder,
            media=media,
            listener=self._listener,
            stock=self._stock,
        )
        for step, steps in check.carry_out(self.voices, held_out):
            yield self._at("check", step, steps)
        minutes = round((self._already_spent + time.monotonic() - self._started) / 60, 2)
        self.report = {
            **check.report,
            "minutes": minutes,
            "trained_minutes": round(self._trained_seconds / 60, 1),
            "usable_minutes": round(self._usable_seconds / 60, 1),
        }
        if check.problems:
            media.remove(self._folder / "model")  # a Retry trains again instead of judging the same weights
            raise DataFault(
                f"The voices did not pass the check. {' '.join(check.problems)} More or cleaner recordings help most.",
                code="check_failed",
                report=self.report,
            )

    def _at(
        self,
        stage: str,
        step: int,
        steps: int,
        *,
        loss: float | None = None,
        message: str = "",
        seconds_left: float | None = None,
    ) -> RunProgress:
        """Progress as the share of the time that is spent; what the engine says of its time left counts."""
        spent = self._already_spent + time.monotonic() - self._started
        left = max(self._deadline - time.monotonic() if seconds_left is None else seconds_left, 1.0)
        if stage == "check":
            left = max(self._reserve * (1 - step / steps), 1.0)
        return RunProgress(
            stage=stage,
            step=step,
            steps=steps,
            progress=spent / (spent + left),
            eta_seconds=left,
            loss=loss,
            message=message,
        )
