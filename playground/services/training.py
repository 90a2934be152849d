"""One run from its clips to four voices that have been checked: the stages, their time, and the report."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from model import base_models
from model.engines.protocol import FineTuneConfig, TrainingClip
from model.errors import TooLittleSpeech, TrainingFailed
from model.noise_reduction import NoiseReducer
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.processes import give_memory_back
from playground.services.checking import Listener
from playground.services.datasets import MINIMUM_SECONDS
from playground.services.hearing import Hearing
from playground.services.held_out import hold_out, learnt_from
from playground.services.run_clips import RunClips
from playground.services.run_hearing import RunHearing
from playground.services.run_time import RunTime
from playground.services.runs import RunProgress
from playground.services.voice_check import VoiceCheck, hearings
from playground.settings import Settings
from playground.speech_process import SpeechProcess, StyleOf, VoiceSource, write_style
from storage.database import Storage
from storage.records import FineTune, Voice

STAGES = ("prepare", "transcribe", "align", "prosody", "voice", "create voices", "check")
VOICES = 4
CHECK_FAILED = "check_failed"
MIN_FREE_BYTES = 2 * 1024**3
GIVING_BACK_SECONDS = 5.0
"""Between two times that freed memory is returned: kept, it grows by a gigabyte in ten minutes of training."""
LOADING_SECONDS = 25.0
"""Kept free, beside the time that the voices take to be heard, for loading them and judging the recordings."""


class DataFault(Exception):
    """The run cannot end well for a reason that its person can read and act on."""

    def __init__(self, message: str, *, code: str, report: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.report = report


class TrainingRun:
    """The stages of one attempt. `progress()` carries them out; then `voices` and `report` are there."""

    def __init__(self, fine_tune: FineTune, *, storage: Storage, settings: Settings, hearing: Hearing) -> None:
        self._fine_tune = fine_tune
        self._media = storage.media
        self._settings = settings
        self._hearing = hearing
        self._base = base_models.resolve(fine_tune.model_id)
        self._folder = storage.media.fine_tune_folder(fine_tune.id)
        self._clips = RunClips(storage, fine_tune)
        self._speech = SpeechProcess(settings.weights, device=settings.device)
        self._time = RunTime(fine_tune)
        self._trained_seconds = 0.0
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
        yield from self._hear()
        clips = self._clips.with_words()
        _require_speech(clips)
        held_out = hold_out(clips, at_least_left=VOICES)
        kept_back = {clip.id for clip in held_out}
        training = learnt_from([clip for clip in clips if clip.id not in kept_back])
        self._trained_seconds = sum(clip.duration_seconds for clip in training)
        yield self._time.at("transcribe", 1, 1, message="Speaking sentences with a stock voice, to compare with")
        self._hear_stock_voice()
        yield from self._fine_tune_engine(training)
        yield from self._create_voices(training)
        yield from self._check(held_out, training)

    def _prepare(self) -> Iterator[RunProgress]:
        yield self._time.at("prepare", 0, 2, message="Waiting until all recordings are checked")
        while self._clips.fix_when_checked():
            time.sleep(0.5)
            yield self._time.at("prepare", 0, 2)
        for number, count in self._clips.reduce_noise(NoiseReducer()):
            yield self._time.at("prepare", 0, 2, message=f"Reducing noise, clip {number} of {count}")
        yield self._time.at("prepare", 1, 2, message="Checking disk and weights")
        self._require_room()
        settings = self._settings
        with self._time.not_counted():
            self._engine = base_models.make_engine(self._base, settings.weights, device=settings.device)
            self._engine.prepare_weights()
            self._transcriber = Transcriber(prepare_whisper(settings.weights))
        yield self._time.at("prepare", 2, 2)

    def _require_room(self) -> None:
        free = self._media.free_bytes()
        if free < MIN_FREE_BYTES:
            raise DataFault(
                f"The disk has {free / 1024**3:.1f} GB free; a training needs {MIN_FREE_BYTES / 1024**3:.0f} GB. "
                "Make room, then Retry.",
                code="disk_full",
            )

    def _hear_stock_voice(self) -> None:
        """The one that is most like the form; by the time that it takes, time is kept for the voices of the check."""
        name = self._base.stock_voice_like(self._fine_tune.language, self._fine_tune.gender).name
        source = VoiceSource(model_id=self._base.id, stock_name=name)
        self._listener = Listener(self._speech, self._transcriber, self._fine_tune.language)
        self._listener.warm_up(source)
        self._stock = self._listener.hear(source)
        self._time.reserve = self._stock.seconds * hearings(self._engine, VOICES) + LOADING_SECONDS

    def _hear(self) -> Iterator[RunProgress]:
        hearing = RunHearing(
            self._fine_tune,
            clips=self._clips,
            hearing=self._hearing,
            transcriber=self._transcriber,
            run_time=self._time,
        )
        for done, wanted in hearing.carry_out():
            yield self._time.at("transcribe", done, wanted)

    def _fine_tune_engine(self, clips: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        config = FineTuneConfig(language=self._fine_tune.language, seconds=self._time.for_training)
        given_back = 0.0
        self._transcriber.release()
        for progress in self._engine.fine_tune(clips, config, self._folder / "model"):
            if time.monotonic() - given_back > GIVING_BACK_SECONDS:
                give_memory_back()
                given_back = time.monotonic()
            if progress.speech_seconds is not None:
                self._trained_seconds = progress.speech_seconds
            yield self._time.at(
                progress.stage,
                progress.step,
                progress.steps,
                loss=progress.loss,
                message=progress.message,
                seconds_left=None if progress.seconds_left is None else progress.seconds_left + self._time.reserve,
            )

    def _create_voices(self, clips: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        from model.references import choose_references

        references = choose_references(clips, count=VOICES)
        yield self._time.at("create voices", 0, VOICES)
        for number, clip in enumerate(references):
            self.voices.append(self._create_voice(number, clip))
            yield self._time.at("create voices", number + 1, VOICES)
        if len(self.voices) < VOICES:
            raise TrainingFailed(f"Only {len(self.voices)} clips are fit to make voices from; {VOICES} are needed.")

    def _create_voice(self, number: int, clip: TrainingClip) -> Voice:
        """The fine-tune in the style of one clip, which the run keeps; no row of it is there before all have passed."""
        reference = self._folder / "references" / f"V{number}.wav"
        style = self._folder / "styles" / f"V{number}.safetensors"
        path = self._media.link_in(clip.path, reference)
        source = VoiceSource(
            model_id=self._base.id,
            folder=self._folder / "model",
            reference_path=reference,
            reference_text=clip.transcript,
        )
        write_style(style, self._speech.style(StyleOf(source=source, language=self._fine_tune.language)))
        return Voice(
            name=f"{self._fine_tune.name} - V{number}",
            description=self._fine_tune.description,
            language=self._fine_tune.language,
            gender=self._fine_tune.gender,
            model_id=self._base.id,
            fine_tune_id=self._fine_tune.id,
            position=number,
            reference_path=path,
            reference_text=clip.transcript,
            style_path=self._media.relative(style),
        )

    def _check(self, held_out: Sequence[TrainingClip], trained: Sequence[TrainingClip]) -> Iterator[RunProgress]:
        """Choose the strength, let each voice speak, and write the report card; what nobody understands fails."""
        check = VoiceCheck(
            fine_tune=self._fine_tune,
            engine=self._engine,
            folder=self._folder,
            media=self._media,
            listener=self._listener,
            stock=self._stock,
        )
        for step, steps in check.carry_out(self.voices, held_out, trained):
            yield self._time.at("check", step, steps, seconds_left=self._time.reserve * (1 - step / steps))
        self.report = {
            **check.report,
            "minutes": round(self._time.spent / 60, 2),
            "trained_minutes": round(self._trained_seconds / 60, 1),
            "usable_minutes": round(sum(clip.duration_seconds for clip in self._clips.read()) / 60, 1),
        }
        if check.problems:
            self._media.remove(self._folder / "model")  # a Retry trains again instead of judging the same weights
            raise DataFault(
                f"The voices did not pass the check. {' '.join(check.problems)} More or cleaner recordings help most.",
                code=CHECK_FAILED,
                report=self.report,
            )


def _require_speech(clips: Sequence[TrainingClip]) -> None:
    seconds = sum(clip.duration_seconds for clip in clips)
    if seconds < MINIMUM_SECONDS:
        raise DataFault(
            f"Words were understood in {seconds:.0f} seconds of the recordings; at least {MINIMUM_SECONDS:.0f} "
            "are needed. Check that they are in the language of the form, or add more.",
            code=TooLittleSpeech.code,
        )
