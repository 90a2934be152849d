"""Speech as it comes, what of it is charged, and the results that are kept."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from model.encoding import SAMPLE_RATE
from model.sentences import GREETINGS
from playground.services.accounts import Accounts
from playground.services.errors import full_disk_in_words
from playground.services.speech_plan import SpeechPlan, SpeechPlanner, SpeechRequest
from playground.services.spoken_words import Spoken, WrittenWords
from playground.services.turns import Turns
from playground.settings import Settings
from playground.speech_process import SpeakingAs, SpeechProcess
from storage.database import Storage, Tables
from storage.records import Speech, new_id
from storage.table import NEWEST_FIRST

if TYPE_CHECKING:
    from model.engines.protocol import Stretch, Waveform


class SpeechService:
    """The use cases of speaking. One speech process does the work."""

    def __init__(self, storage: Storage, settings: Settings, accounts: Accounts, process: SpeechProcess) -> None:
        self._storage = storage
        self._planner = SpeechPlanner(storage, settings, accounts)
        self._accounts = accounts
        self._process = process
        self._turns = Turns(
            at_once=settings.speeches_at_once,
            waiting=settings.speeches_waiting,
            seconds=settings.speech_wait_seconds,
        )

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """Raises NotFound, ModelNotFound, LanguageNotSupported and Refused."""
        return self._planner.plan(request)

    def stretches(
        self, plan: SpeechPlan, *, is_free: bool = False, left: threading.Event | None = None
    ) -> "Generator[Stretch]":
        """Speech as it comes, with its times; closed, or once `left` is set, it ends before the next stretch.

        Charged at the end: all of it, or the words that were spoken before it was left; nothing when it fails. The
        credits are reserved until then. Raises QuotaExceeded, Busy, SpeechUnavailable, Refused when nothing in the text
        is speakable, and what the engine raises.
        """
        request = plan.request
        asked = SpeakingAs(source=plan.source, text=request.text, language=plan.language, speed=request.speed)
        left = left or threading.Event()
        spoken = Spoken(request.text)
        words = WrittenWords(plan.written, plan.replacements)
        with self._accounts.reserved(0 if is_free else plan.credits):
            with self._turns.turn(left) as has_turn, closing(self._process.stretches(asked)) as stretches:
                if not has_turn:
                    return
                try:
                    for stretch in stretches:
                        spoken.add(stretch)
                        yield words.of(stretch) if plan.replacements else stretch
                        if left.is_set():
                            break
                    else:
                        spoken.to_the_end()
                except GeneratorExit:
                    self._charge_spoken(plan, 0 if is_free else spoken.characters)
                    raise
            self._charge_spoken(plan, 0 if is_free else spoken.characters)

    def stream(self, plan: SpeechPlan, *, is_free: bool = False) -> "Iterator[Waveform]":
        """The same, without its times."""
        with closing(self.stretches(plan, is_free=is_free)) as stretches:
            for stretch in stretches:
                yield stretch.waveform

    def speak(self, request: SpeechRequest) -> Speech:
        """Speak into a file that the history keeps; charged once it is there. Raises what `plan`, `stretches` raise."""
        plan = self.plan(request)
        id = new_id("speech")
        path = self._storage.media.speech_path(id)
        with self._accounts.reserved(plan.credits):
            seconds = self._write(plan, path)
            speech = Speech(
                id=id,
                voice_id=plan.voice.id,
                model_id=plan.base.id,
                fine_tuned=bool(plan.fine_tuned),
                text=request.text,
                credits=plan.credits,
                path=self._storage.media.relative(path),
                duration_seconds=seconds,
            )
            with self._storage.write() as tables:
                self._charge(tables, plan, len(plan.request.text))
                return tables.speeches.insert(speech)

    def history(self, limit: int = 20) -> list[Speech]:
        """The last results of the page, newest first."""
        with self._storage.read() as tables:
            return tables.speeches.where(order_by=NEWEST_FIRST, limit=limit)

    def get(self, speech_id: str) -> Speech:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.speeches.get(speech_id)

    def latest(self, voice_id: str) -> Speech | None:
        """The last result of one voice."""
        with self._storage.read() as tables:
            return next(iter(tables.speeches.where("voice_id = ?", [voice_id], order_by=NEWEST_FIRST, limit=1)), None)

    def speech_path(self, speech_id: str) -> Path:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return self._storage.media.path(tables.speeches.get(speech_id).path)

    def mp3_path(self, speech_id: str) -> Path:
        """The same as MP3, encoded at the first request and kept. Raises NotFound."""
        from model.audio import make_preview

        source = self.speech_path(speech_id)
        target = source.with_suffix(".mp3")
        if source.exists() and not target.exists():
            make_preview(source, target)
        return target

    def preview_path(self, voice_id: str) -> Path:
        """A short greeting in a voice on its own model, spoken once and kept; costs nothing."""
        with self._storage.read() as tables:
            voice = tables.voices.get(voice_id)
        path = self._storage.media.preview_path(voice.id)
        if not path.exists():
            self._write(self.plan(SpeechRequest(voice_id=voice_id, text=GREETINGS[voice.language])), path)
        return path

    def _charge_spoken(self, plan: SpeechPlan, characters: int) -> None:
        if characters:
            with self._storage.write() as tables:
                self._charge(tables, plan, characters)

    def _charge(self, tables: Tables, plan: SpeechPlan, characters: int) -> None:
        text = plan.request.text
        credits = plan.credits * characters / len(text)
        if credits:
            share = "" if characters == len(text) else f" of {len(text):,}"
            words = f"{characters:,}{share} characters with “{plan.voice.name}” on {plan.base.id}"
            self._accounts.charge_speech(tables, credits, note=words)

    def _write(self, plan: SpeechPlan, path: Path) -> float:
        """Speak into a file without charge; gives its seconds. Raises DiskFull, and what `stretches` raises."""
        import numpy as np

        from model.audio import write_wav

        waveform = np.concatenate([*self.stream(plan, is_free=True)])
        with full_disk_in_words():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_wav(path, waveform, SAMPLE_RATE)
        return len(waveform) / SAMPLE_RATE
