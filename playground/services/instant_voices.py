"""Instant voices: the base model speaking in the style of one short clip, without any training."""

from dataclasses import dataclass, replace
from pathlib import Path

from model import base_models
from model.accents import with_accent
from playground.services.errors import Refused
from playground.services.voices import checked_name, checked_tagline
from playground.speech_process import SpeechProcess, StyleOf, VoiceSource, write_style
from storage.database import Storage
from storage.records import Voice

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


class InstantVoices:
    """Makes Voices from single clips."""

    def __init__(self, storage: Storage, process: SpeechProcess) -> None:
        self._storage = storage
        self._process = process

    def clone(self, form: InstantForm, clip: Path, *, filename: str) -> Voice:
        """A voice of the production model in the style of a clip of 2 to 60 s.

        Raises NotFound, Refused, AudioError, LanguageNotSupported and SpeechUnavailable.
        """
        from model.decoding import decode_to_wav

        name, tagline = checked_name(form.name), checked_tagline(form.tagline)
        if form.base_voice_id:
            with self._storage.read() as tables:
                tables.voices.get(form.base_voice_id)
        base = base_models.production_model()
        language = base.require_language(with_accent(form.language, form.accent))
        voice = Voice(
            name=name,
            description=form.description,
            tagline=tagline,
            language=language,
            model_id=base.id,
            base_voice_id=form.base_voice_id,
        )
        media = self._storage.media
        with media.scratch_folder() as folder:
            wav, style = folder / "reference.wav", folder / "style.safetensors"
            _require_speech(decode_to_wav(clip, wav, name=filename).duration_seconds, wav)
            source = VoiceSource(model_id=base.id, reference_path=wav)
            write_style(style, self._process.style(StyleOf(source=source, language=language)))
            voice = replace(
                voice,
                reference_path=media.move_in(wav, media.voice_folder(voice.id) / wav.name),
                style_path=media.move_in(style, media.voice_folder(voice.id) / style.name),
            )
        with self._storage.write() as tables:
            return tables.voices.insert(voice)


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
