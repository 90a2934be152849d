"""The registry of base models: dated ids, aliases, and the engine behind each. Needs no torch until loading."""

from dataclasses import dataclass
from pathlib import Path

from model.devices import Device
from model.engines.kokoro.stock import STOCK_VOICES as KOKORO_VOICES
from model.engines.protocol import Engine, StockVoice
from model.engines.tiny.stock import STOCK_VOICES as TINY_VOICES
from model.errors import LanguageNotSupported, ModelNotFound

LANGUAGE_NAMES = {
    "en": "English",
    "en-GB": "English (British)",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "hi": "Hindi",
    "de": "German",
    "ja": "Japanese",
    "zh": "Chinese",
}


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """Pretrained weights under a dated id; a clone is pinned to that id."""

    id: str
    title: str
    engine: str
    languages: tuple[str, ...]
    stock_voices: tuple[StockVoice, ...]
    aliases: tuple[str, ...] = ()
    is_production: bool = False

    def stock_voice_like(self, language: str, gender: str) -> StockVoice:
        """The stock voice nearest in language first, then in gender."""
        return max(self.stock_voices, key=lambda stock: (stock.language == language, stock.gender == gender))

    def language_of(self, tag: str) -> str:
        """The code here of a tag as clients write it: `en-GB` and `en_gb` as such, `en-US` or `es-MX` as en and es.

        A tag of a language that is not spoken is given back in lower case.
        """
        parts = tag.replace("_", "-").split("-")
        known = {code.lower(): code for code in self.languages}
        return known.get("-".join(parts[:2]).lower(), parts[0].lower())

    def require_language(self, tag: str) -> str:
        """The code here of a tag; raises LanguageNotSupported, naming the languages that are spoken."""
        language = self.language_of(tag)
        if language not in self.languages:
            spoken = ", ".join(LANGUAGE_NAMES.get(code, code) for code in self.languages)
            asked = LANGUAGE_NAMES.get(language, language)
            raise LanguageNotSupported(f"{self.title} does not speak {asked}. It speaks: {spoken}.")
        return language


KOKORO = BaseModel(
    id="kokoro-82m-2025-01-27",
    title="Kokoro 82M",
    engine="kokoro",
    languages=("en", "en-GB", "es", "fr", "it", "pt", "hi"),
    stock_voices=KOKORO_VOICES,
    aliases=("kokoro-82m", "latest"),
    is_production=True,
)
TINY = BaseModel(
    id="tiny-2026-11-01",
    title="Tiny (for trying out)",
    engine="tiny",
    languages=("en",),
    stock_voices=TINY_VOICES,
)
BASE_MODELS = (KOKORO, TINY)


def production_model() -> BaseModel:
    """The newest base model that is meant for real work."""
    return next(base for base in BASE_MODELS if base.is_production)


def resolve(model_id: str) -> BaseModel:
    """The base model of a dated id or an alias; every `sonic-*` id of existing scripts means the production one.

    Raises ModelNotFound.
    """
    for base in BASE_MODELS:
        if model_id == base.id or model_id in base.aliases:
            return base
    if model_id == "sonic" or model_id.startswith("sonic-"):
        return production_model()
    known = ", ".join(base.id for base in BASE_MODELS)
    raise ModelNotFound(f"There is no model {model_id!r} here. Known models: {known}.")


def make_engine(base: BaseModel, weights_dir: Path, *, device: Device = "auto") -> Engine:
    """The engine of a base model; nothing is loaded yet."""
    if base.engine == "kokoro":
        from model.engines.kokoro.engine import KokoroEngine

        return KokoroEngine(weights_dir, device=device)
    from model.engines.tiny.engine import TinyEngine

    return TinyEngine()
