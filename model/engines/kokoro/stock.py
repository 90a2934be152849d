"""The stock voices of the base model that the playground offers."""

from model.engines.protocol import StockVoice

# The name's first letter is the language, the second the gender. The most liked ones come first.
_NAMES = {
    "en": "af_heart af_bella af_nicole af_sarah af_kore af_aoede af_nova af_alloy af_river af_jessica af_sky "
    "am_michael am_fenrir am_puck am_echo am_eric am_liam am_onyx am_adam",
    "en-GB": "bf_emma bf_isabella bf_alice bf_lily bm_george bm_fable bm_lewis bm_daniel",
    "es": "ef_dora em_alex",
    "fr": "ff_siwis",
    "it": "if_sara im_nicola",
    "pt": "pf_dora pm_alex",
    "hi": "hf_alpha hf_beta hm_omega hm_psi",
}
_GENDERS = {"f": "feminine", "m": "masculine"}

STOCK_VOICES = tuple(
    StockVoice(name=name, title=name.partition("_")[2].title(), language=language, gender=_GENDERS[name[1]])
    for language, names in _NAMES.items()
    for name in names.split()
)


def names_for(language: str) -> tuple[str, ...]:
    """Engine names of the stock voices of a language."""
    return tuple(voice.name for voice in STOCK_VOICES if voice.language == language)
