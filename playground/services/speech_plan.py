"""What a request to speak means: which voice with which weights, what is said in which language, and what it costs."""

from dataclasses import dataclass, replace

from model import base_models
from model.base_models import BaseModel
from playground.services.accounts import Accounts
from playground.services.errors import Refused
from playground.services.pronunciation import Replacement, entries_of, replacements_in, said_as
from playground.settings import Settings
from playground.speech_process import VoiceSource
from storage.database import Storage
from storage.records import FineTune, Status, Voice

SLOWEST, FASTEST = 0.5, 2.0


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """What shall be said, by whom, with which model; without `model_id`, with the voice's own."""

    voice_id: str
    text: str
    model_id: str = ""
    language: str = ""
    speed: float = 1.0
    pronunciation_dict_id: str = ""


@dataclass(frozen=True, kw_only=True)
class SpeechPlan:
    """A request that can be carried out, its text as it shall be said.

    `fine_tuned`: None for voices without a clone, else whether its weights are active. `written` is the text as it
    came, and `replacements` what a dictionary replaces in it.
    """

    request: SpeechRequest
    written: str
    replacements: tuple[Replacement, ...]
    voice: Voice
    base: BaseModel
    fine_tuned: bool | None
    language: str
    credits: float
    source: VoiceSource


class SpeechPlanner:
    """Makes plans of requests, or refuses them, before anything is spoken."""

    def __init__(self, storage: Storage, settings: Settings, accounts: Accounts) -> None:
        self._storage = storage
        self._settings = settings
        self._accounts = accounts

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """Resolve a request; raises NotFound, ModelNotFound, LanguageNotSupported and Refused."""
        _check_text(request, self._settings.max_text_characters)
        with self._storage.read() as tables:
            voice = tables.voices.get(request.voice_id)
            fine_tune = tables.fine_tunes.find(voice.fine_tune_id) if voice.fine_tune_id else None
            dict_id = request.pronunciation_dict_id
            entries = entries_of(tables.pronunciation_dicts.get(dict_id)) if dict_id else []
        written = _well_formed(request.text)
        replacements = replacements_in(written, entries)
        said = replace(request, text=said_as(written, replacements))
        _check_text(said, self._settings.max_text_characters)
        base = base_models.resolve(request.model_id or voice.model_id)
        own = voice.language if voice.language in base.languages else base.languages[0]
        language = base.require_language(request.language or own)
        is_active = fine_tune is not None and fine_tune.status == Status.COMPLETED and base.id == fine_tune.model_id
        return SpeechPlan(
            request=said,
            written=written,
            replacements=replacements,
            voice=voice,
            base=base,
            fine_tuned=is_active if voice.fine_tune_id else None,
            language=language,
            credits=self._accounts.speech_price(request.text, fine_tuned=is_active),
            source=self._source(voice, base, fine_tune if is_active else None),
        )

    def _source(self, voice: Voice, base: BaseModel, fine_tune: FineTune | None) -> VoiceSource:
        media = self._storage.media
        if fine_tune is not None:
            folder = media.fine_tune_folder(fine_tune.id) / "model"
            return VoiceSource(model_id=base.id, folder=folder, style_path=media.path(voice.style_path))
        if voice.style_path and not voice.fine_tune_id and voice.model_id == base.id:
            return VoiceSource(model_id=base.id, style_path=media.path(voice.style_path))
        if voice.reference_path:
            clip = media.path(voice.reference_path)
            return VoiceSource(model_id=base.id, reference_path=clip, reference_text=voice.reference_text)
        return VoiceSource(model_id=base.id, stock_name=_stock_name(voice, base))


def _stock_name(voice: Voice, base: BaseModel) -> str:
    """The stock voice itself, or on another model the one that is most like it in language and gender."""
    return voice.stock_name if voice.model_id == base.id else base.stock_voice_like(voice.language, voice.gender).name


def _well_formed(text: str) -> str:
    """Text that came in pieces may hold halves of signs (surrogates), which no engine can read: joined, or left out."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _check_text(request: SpeechRequest, longest: int) -> None:
    if not any(character.isalnum() for character in request.text):
        raise Refused("There is no text to speak.", code="empty_transcript")
    if len(request.text) > longest:
        raise Refused(f"The text has {len(request.text):,} characters; {longest:,} are allowed in one request.")
    if not SLOWEST <= request.speed <= FASTEST:
        raise Refused(f"Speed is {SLOWEST} to {FASTEST}, not {request.speed:g}.")
