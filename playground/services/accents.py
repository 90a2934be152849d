"""What else voices can speak: localized stock voices, and the accents of instant voices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model import base_models
from model.accents import native_accent, require_accent, with_accent
from model.errors import LanguageNotSupported
from playground.services.errors import Refused
from playground.services.voices import checked_name, checked_tagline
from storage.database import Storage
from storage.errors import NotFound
from storage.records import Voice, new_id
from storage.times import now


@dataclass(frozen=True, kw_only=True)
class LocalForm:
    """What a localized voice shall speak and be called."""

    name: str
    accent: str
    language: str = ""
    description: str = ""
    tagline: str = ""


class Accents:
    """The use cases of accents."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def localize(self, voice_id: str, form: LocalForm) -> Voice:
        """A voice of one's own: a stock voice in another language, which its model speaks with the same timbre.

        Raises NotFound, Refused, and LanguageNotSupported, also for own voices: their recordings are in one language.
        """
        name, tagline = checked_name(form.name), checked_tagline(form.tagline)
        with self._storage.write() as tables:
            voice = tables.voices.get(voice_id)
            if not voice.stock_name:
                raise LanguageNotSupported(
                    f"“{voice.name}” was made from recordings in one language and speaks that one. "
                    "Stock voices can be localized."
                )
            accent = require_accent(form.accent, languages=base_models.resolve(voice.model_id).languages)
            if form.language:
                with_accent(form.language, accent.id)
            return tables.voices.insert(
                replace(
                    voice,
                    id=new_id("voice"),
                    name=name,
                    description=form.description,
                    tagline=tagline,
                    language=accent.code,
                    base_voice_id=voice.id,
                    created_at=now(),
                )
            )

    def add(self, voice_id: str, ids: Sequence[str]) -> Voice:
        """Note accents beside an instant voice's own. Raises NotFound, Refused and LanguageNotSupported."""
        with self._storage.write() as tables:
            voice = _require_instant(tables.voices.get(voice_id))
            languages = base_models.resolve(voice.model_id).languages
            for id in ids:
                require_accent(id, languages=languages)
            present = [native_accent(voice.language).id, *voice.accents]
            added = [id for id in dict.fromkeys(ids) if id not in present]
            return tables.voices.update(voice_id, accents=[*voice.accents, *added])

    def remove(self, voice_id: str, accent_id: str) -> Voice:
        """Take an added accent away; the native one stays. Raises NotFound and Refused."""
        with self._storage.write() as tables:
            voice = tables.voices.get(voice_id)
            if accent_id == native_accent(voice.language).id:
                raise Refused(f"“{accent_id}” is the accent that “{voice.name}” was made with; it stays.")
            if accent_id not in voice.accents:
                raise NotFound("accent", accent_id)
            return tables.voices.update(voice_id, accents=[id for id in voice.accents if id != accent_id])


def _require_instant(voice: Voice) -> Voice:
    if not voice.is_instant:
        raise Refused(f"“{voice.name}” is no instant voice; accents can be added to those only.")
    return voice
