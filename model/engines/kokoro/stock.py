"""The English stock voices of Kokoro-82M v1.0: a table without weights, so that any process may list them."""

from model.engines.protocol import StockVoice

_GENDERS = {"f": "feminine", "m": "masculine"}
_ACCENTS = {"a": "US", "b": "UK"}
_NAMES = (
    "af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky "
    "am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa "
    "bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis"
).split()

STOCK_VOICES = tuple(
    StockVoice(
        name=name, title=f"{name[3:].title()} ({_ACCENTS[name[0]]})", language="en", gender=_GENDERS[name[1]]
    )
    for name in _NAMES
)
