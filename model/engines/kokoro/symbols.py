"""The symbols that the base model reads, and text's phonemes as ids of them."""

PAD = 0

# The symbol table of Kokoro-82M v1.0 (config.json, "vocab"; Apache-2.0).
_IDS: dict[str, int] = {
    **dict(zip(";:,.!?", range(1, 7), strict=True)),
    **dict(zip('—…"()“” \u0303ʣʥʦʨᵝꭧAI', range(9, 26), strict=True)),
    "O": 31,
    "Q": 33,
    "S": 35,
    "T": 36,
    "W": 39,
    "Y": 41,
    "ᵊ": 42,
    **dict(zip("abcdef", range(43, 49), strict=True)),
    **dict(zip("hijklmnopqrstuvwxyzɑɐɒæ", range(50, 73), strict=True)),
    "β": 75,
    "ɔ": 76,
    "ɕ": 77,
    "ç": 78,
    "ɖ": 80,
    "ð": 81,
    "ʤ": 82,
    "ə": 83,
    "ɚ": 85,
    "ɛ": 86,
    "ɜ": 87,
    "ɟ": 90,
    "ɡ": 92,
    "ɥ": 99,
    "ɨ": 101,
    "ɪ": 102,
    "ʝ": 103,
    "ɯ": 110,
    "ɰ": 111,
    "ŋ": 112,
    "ɳ": 113,
    "ɲ": 114,
    "ɴ": 115,
    "ø": 116,
    "ɸ": 118,
    "θ": 119,
    "œ": 120,
    "ɹ": 123,
    "ɾ": 125,
    "ɻ": 126,
    "ʁ": 128,
    "ɽ": 129,
    "ʂ": 130,
    "ʃ": 131,
    "ʈ": 132,
    "ʧ": 133,
    "ʊ": 135,
    "ʋ": 136,
    "ʌ": 138,
    "ɣ": 139,
    "ɤ": 140,
    "χ": 142,
    "ʎ": 143,
    "ʒ": 147,
    "ʔ": 148,
    "ˈ": 156,
    "ˌ": 157,
    "ː": 158,
    "ʰ": 162,
    "ʲ": 164,
    "↓": 169,
    "→": 171,
    "↗": 172,
    "↘": 173,
    "ᵻ": 177,
}

PAUSES = frozenset(' ;:,.!?—…"()“”')
SENTENCE_ENDS = frozenset('.!?…"”')
STRESS_MARKS = frozenset("ˈˌ")
SOUNDLESS = PAUSES | STRESS_MARKS
MODIFIERS = frozenset("ː\u0303ʰʲᵝ")
PLOSIVES = frozenset("pbtdkɡqcɟʈɖʔʤʧʣʥʦʨ")
"""And affricates: what begins with a closure."""


def known(phonemes: str) -> str:
    """The phonemes without symbols that the model does not know."""
    return "".join(symbol for symbol in phonemes if symbol in _IDS)


def ids_of(phonemes: str) -> list[int]:
    """Known phonemes as ids, between the padding symbols that the model expects."""
    return [PAD, *(_IDS[symbol] for symbol in phonemes), PAD]
