"""The Library: stock voices of the base models and the voices of clones."""

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from model.accents import require_accent, with_accent
from model.base_models import BASE_MODELS, production_model, resolve
from model.engines.protocol import StockVoice
from model.errors import LanguageNotSupported
from playground.services.errors import Refused
from storage.database import Storage
from storage.errors import NotFound
from storage.records import Voice
from storage.table import NEWEST_FIRST, Page

SDK_EXAMPLE_VOICE = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"
"""The voice id of the official SDK's examples: our first stock voice bears it, so that they run as they are."""


OWN = "(stock_name = '' or base_voice_id != '')"
"""In SQL what `Voice.is_stock` is not."""
LONGEST_TAGLINE = 32


class Voices:
    """The use cases of voices."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def seed_stock(self) -> None:
        """Put the stock voices of all base models into the Library, each once, under ids that never change.

        The first comes last, since lists are newest first.
        """
        with self._storage.write() as tables:
            for base in reversed(BASE_MODELS):
                for stock in reversed(base.stock_voices):
                    id = stock_voice_id(base.id, stock)
                    if tables.voices.find(id) is None:
                        tables.voices.insert(
                            Voice(
                                id=id,
                                name=stock.title,
                                description=f"Stock voice of {base.title}",
                                language=stock.language,
                                gender=stock.gender,
                                model_id=base.id,
                                stock_name=stock.name,
                            )
                        )

    def get(self, voice_id: str) -> Voice:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.voices.get(voice_id)

    def called(self, name: str) -> Voice:
        """By id, or by name whatever its case, one's own first; raises NotFound."""
        with self._storage.read() as tables:
            voice = tables.voices.find(name)
            if voice is not None:
                return voice
            order = f"fine_tune_id is null, {NEWEST_FIRST}"
            named = tables.voices.where("lower(name) = lower(?)", [name.strip()], order_by=order, limit=1)
        if not named:
            raise NotFound("voice", name)
        return named[0]

    def page(
        self,
        *,
        search: str = "",
        is_owner: bool | None = None,
        gender: str | None = None,
        language: str | None = None,
        limit: int = 10,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Page[Voice]:
        """Voices by words in name, description or id; one's own are those of clones."""
        where, params = _filter(search=search, is_owner=is_owner, gender=gender, language=language)
        with self._storage.read() as tables:
            return tables.voices.page(
                where, params, limit=limit, starting_after=starting_after, ending_before=ending_before
            )

    def search(self, text: str = "", *, is_owner: bool | None = None) -> list[Voice]:
        """All that match, one's own first, newest first."""
        where, params = _filter(search=text, is_owner=is_owner, gender=None, language=None)
        with self._storage.read() as tables:
            return tables.voices.where(where, params, order_by=f"fine_tune_id is null, {NEWEST_FIRST}")

    def update(
        self,
        voice_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        gender: str | None = None,
        tagline: str | None = None,
        accent: str | None = None,
    ) -> Voice:
        """Rename or describe an own voice; what is None stays. Raises NotFound, Refused and LanguageNotSupported."""
        changes = {
            "name": None if name is None else checked_name(name),
            "description": description,
            "gender": gender,
            "tagline": None if tagline is None else checked_tagline(tagline),
        }
        with self._storage.write() as tables:
            voice = _require_own(tables.voices.get(voice_id))
            changes["language"] = None if accent is None else _language_with(voice, accent)
            given = {column: value for column, value in changes.items() if value is not None}
            changed = tables.voices.update(voice_id, **given) if given else voice
        if changed.language != voice.language:
            self._storage.media.remove(self._storage.media.preview_path(voice_id))
        return changed

    def delete(self, voice_id: str) -> None:
        """Delete an own voice; its clone and the other voices stay. Raises NotFound and Refused."""
        with self._storage.write() as tables:
            _require_own(tables.voices.get(voice_id))
            tables.voices.delete(voice_id)
        self._storage.media.remove_voice(voice_id)

    def reference_path(self, voice: Voice) -> Path | None:
        """The clip that a voice comes from; stock voices have none."""
        return self._storage.media.path(voice.reference_path) if voice.reference_path else None


def stock_voice_id(model_id: str, stock: StockVoice) -> str:
    """The same id on every machine."""
    if stock == BASE_MODELS[0].stock_voices[0]:
        return SDK_EXAMPLE_VOICE
    return str(uuid5(NAMESPACE_URL, f"voice-playground:{model_id}:{stock.name}"))


def _filter(*, search: str, is_owner: bool | None, gender: str | None, language: str | None) -> tuple[str, list[str]]:
    wheres = ["(? = '' or instr(lower(name || ' ' || description || ' ' || id), lower(?)))"]
    params = [search, search]
    if is_owner is not None:
        wheres.append(OWN if is_owner else f"not {OWN}")
    if gender is not None:
        wheres.append("gender = ?")
        params.append(gender)
    if language is not None:
        code = production_model().language_of(language)
        wheres.append("(language = ? or language like ?)")
        params += [code, f"{language}-%"]  # `en` finds the British too, `en-US` does not
    return " and ".join(wheres), params


def checked_name(name: str) -> str:
    """Without spaces around it; raises Refused."""
    if not name.strip():
        raise Refused("Give the voice a name.")
    return name.strip()


def checked_tagline(tagline: str) -> str:
    """Raises Refused."""
    if len(tagline) > LONGEST_TAGLINE:
        raise Refused(f"A tagline has {LONGEST_TAGLINE} characters at most, not {len(tagline)}.")
    return tagline


def _language_with(voice: Voice, accent_id: str) -> str:
    """The language of a voice with an accent; a clone's model has learned one and keeps it."""
    accent = require_accent(accent_id, languages=resolve(voice.model_id).languages)
    language = resolve(voice.model_id).require_language(with_accent(voice.language, accent.id))
    if language != voice.language and voice.fine_tune_id is not None:
        raise LanguageNotSupported(f"“{voice.name}” keeps the accent of its recordings.")
    return language


def _require_own(voice: Voice) -> Voice:
    if voice.is_stock:
        raise Refused(f"“{voice.name}” comes with the base model and cannot be changed or deleted.")
    return voice
