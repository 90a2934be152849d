"""Instant voices: the base model, or a clone's, speaking in the style of one short clip, without any training."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from model import base_models
from model.accents import primary_language, with_accent
from model.errors import LanguageNotSupported
from playground.recognition_process import Hearing
from playground.services.errors import Refused
from playground.services.recognition import Recognition
from playground.services.training import VOICES
from playground.services.voices import checked_name, checked_tagline
from playground.speech_process import SpeechProcess, StyleOf, VoiceSource, write_style
from storage.database import Storage, Tables
from storage.errors import NotFound
from storage.records import Voice

if TYPE_CHECKING:
    from model.decoding import Recording

SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 60.0


@dataclass(frozen=True, kw_only=True)
class InstantForm:
    """What an instant voice shall be called and speak."""

    name: str
    language: str
    description: str = ""
    tagline: str = ""
    accent: str | None = None
    base_voice_id: str = ""
    """Of a clone's voice: the new one is of that clone, and its model speaks. Any other is kept as a note."""


class InstantVoices:
    """Makes Voices from single clips."""

    def __init__(self, storage: Storage, process: SpeechProcess, recognition: Recognition) -> None:
        self._storage = storage
        self._process = process
        self._recognition = recognition

    def clone(self, form: InstantForm, clip: Path, *, filename: str) -> Voice:
        """A voice of the production model, or of the clone that the form names, in the style of a clip of 2 to 60 s.

        What is said in the clip is heard for a clone: its model takes over the pace, of half a minute at most. Raises
        NotFound, Refused, Busy, AudioError, LanguageNotSupported, WeightsUnavailable and SpeechUnavailable.
        """
        from model.decoding import decode_to_wav

        name, tagline = checked_name(form.name), checked_tagline(form.tagline)
        voice = replace(self._voice_without_style(form), name=name, tagline=tagline, description=form.description)
        media = self._storage.media
        with media.scratch_folder() as folder:
            decoded, style = folder / "decoded.wav", folder / "style.safetensors"
            recording = decode_to_wav(clip, decoded, name=filename)
            _require_speech(recording.duration_seconds, decoded)
            wav = _levelled(decoded, recording)
            source = VoiceSource(model_id=voice.model_id, reference_path=wav)
            if fine_tune_id := voice.fine_tune_id:
                voice = replace(voice, reference_text=self._words_of(wav, voice.language))
                source = replace(
                    source,
                    folder=media.fine_tune_folder(fine_tune_id) / "model",
                    reference_text=voice.reference_text,
                )
            write_style(style, self._process.style(StyleOf(source=source, language=voice.language)))
            voice = replace(
                voice,
                reference_path=media.move_in(wav, media.voice_folder(voice.id) / "reference.wav"),
                style_path=media.move_in(style, media.voice_folder(voice.id) / style.name),
            )
        try:
            with self._storage.write() as tables:
                return tables.voices.insert(_placed(tables, voice))
        except NotFound:
            media.remove_voice(voice.id)
            raise

    def _words_of(self, wav: Path, language: str) -> str:
        hearing = Hearing(path=wav, name=wav.name, language=primary_language(language))
        heard = self._recognition.hear(hearing, threading.Event())
        if heard is None or not any(character.isalnum() for character in heard.text):
            raise Refused("No words were understood in the clip. Take one with clear speech.", code="clip_silent")
        return heard.text

    def _voice_without_style(self, form: InstantForm) -> Voice:
        """With the model that speaks, and the language that it speaks."""
        basis = None
        if form.base_voice_id:
            with self._storage.read() as tables:
                basis = tables.voices.get(form.base_voice_id)
        model_id = basis.model_id if basis and basis.fine_tune_id else base_models.production_model().id
        language = base_models.resolve(model_id).require_language(with_accent(form.language, form.accent))
        voice = Voice(name=form.name, language=language, model_id=model_id, base_voice_id=form.base_voice_id)
        if basis is None or basis.fine_tune_id is None:
            return voice
        names_an_accent = form.accent is not None or form.language != primary_language(basis.language)
        if language != basis.language and names_an_accent:
            raise LanguageNotSupported(f"The clone of “{basis.name}” speaks {basis.language}, and so do its voices.")
        return replace(voice, language=basis.language, gender=basis.gender, fine_tune_id=basis.fine_tune_id)


def _levelled(wav: Path, recording: "Recording") -> Path:
    """As the clips of a training are: a style takes over the loudness of its clip, and shall not take over its gain."""
    from model.segmentation import Plan, cut_clips
    from model.voice_activity import Span

    whole = Plan(spans=(Span(start_seconds=0.0, end_seconds=recording.duration_seconds),), left_out=())
    return cut_clips(wav, whole, wav.parent / "levelled", loudness_lufs=recording.loudness_lufs)[0].path


def _placed(tables: Tables, voice: Voice) -> Voice:
    """Behind all other voices of its clone, if it has one; raises NotFound when that has been deleted meanwhile."""
    if voice.fine_tune_id is None:
        return voice
    tables.fine_tunes.get(voice.fine_tune_id)
    taken = [other.position for other in tables.voices.of_fine_tune(voice.fine_tune_id)]
    return replace(voice, position=max([VOICES - 1, *taken]) + 1)


def _require_speech(seconds: float, wav: Path) -> None:
    from model.audio import read_wav
    from model.evaluation import SILENT_DBFS
    from model.metering import level_dbfs

    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise Refused(
            f"The clip lasts {seconds:.1f} s; {SHORTEST_SECONDS:.0f} to {LONGEST_SECONDS:.0f} s of one speaker are "
            "needed, 10 s are ideal.",
            code="clip_length",
        )
    if level_dbfs(read_wav(wav)[0]) < SILENT_DBFS:
        raise Refused("There is hardly any sound in the clip. Take one with clear speech.", code="clip_silent")
