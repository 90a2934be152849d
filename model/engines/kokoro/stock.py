"""The stock voices of the base model that the playground offers."""

from model.engines.protocol import StockVoice

_ENGLISH = {
    "feminine": "af_heart af_bella af_nicole af_sarah af_kore af_aoede af_nova af_alloy af_river af_jessica af_sky",
    "masculine": "am_michael am_fenrir am_puck am_echo am_eric am_liam am_onyx am_adam",
}

STOCK_VOICES = tuple(
    StockVoice(name=name, title=name.partition("_")[2].title(), language="en", gender=gender)
    for gender, names in _ENGLISH.items()
    for name in names.split()
)


def names_for(language: str) -> tuple[str, ...]:
    """Engine names of the stock voices of a language."""
    return tuple(voice.name for voice in STOCK_VOICES if voice.language == language)
