"""Makes the scripts that people read into the microphone, playground/scripts/LANGUAGE.txt, and says what they cover.

The candidates in bench/candidates are the project's own sentences. Greedily, the next one is always that which adds
most sounds and pairs of neighbouring sounds (by the product's own phonemes) that no chosen one has, so that a person
who stops early has recorded as much variety as possible; when nothing new is left, counting starts again.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from model.engines.kokoro.phonemes import phonemes_of
from model.engines.kokoro.symbols import PAUSES

CANDIDATES = Path(__file__).parent / "candidates"
SCRIPTS = Path(__file__).parent.parent / "playground" / "scripts"
SENTENCES = {"en": 110}
FEWEST_SENTENCES = 45
NOT_SOUNDS = {*PAUSES, *"ˈˌ“”()"}

Sounds = frozenset[str]


def sounds_of(text: str, language: str) -> Sounds:
    """The phonemes of a sentence, and the pairs of phonemes that follow each other inside its words and across them."""
    phonemes = "".join(symbol for symbol in phonemes_of(text, language) if symbol not in NOT_SOUNDS)
    return frozenset(phonemes) | {first + second for first, second in pairwise(phonemes)}


def ordered(sounds: Sequence[Sounds], amount: int) -> list[int]:
    """Positions of `amount` sentences, each the one that adds most to those before it; the earlier one of equals."""
    chosen: list[int] = []
    covered: set[str] = set()
    left = list(range(len(sounds)))
    while left and len(chosen) < amount:
        best = max(left, key=lambda position: len(sounds[position] - covered))
        if covered and not sounds[best] - covered:
            covered = set()
            continue
        covered |= sounds[best]
        left.remove(best)
        chosen.append(best)
    return chosen


def make(language: str) -> dict[str, object]:
    """Write the script of a language; gives what it covers."""
    texts = (CANDIDATES / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    sounds = [sounds_of(text, language) for text in texts]
    chosen = ordered(sounds, SENTENCES.get(language, FEWEST_SENTENCES))
    SCRIPTS.mkdir(exist_ok=True)
    script = "".join(f"{texts[position]}\n" for position in chosen)
    (SCRIPTS / f"{language}.txt").write_text(script, encoding="utf-8")
    every = frozenset().union(*sounds)
    covered = {amount: frozenset().union(*(sounds[at] for at in chosen[:amount])) for amount in (20, len(chosen))}
    return {
        "language": language,
        "candidates": len(texts),
        "sentences": len(chosen),
        "phonemes": f"{_single(covered[len(chosen)])} of {_single(every)}",
        "pairs": f"{_pairs(covered[len(chosen)])} of {_pairs(every)}",
        "pairs_in_20": _pairs(covered[20]),
        "characters": len(script) - len(chosen),
    }


def _single(sounds: Sounds) -> int:
    return sum(len(sound) == 1 for sound in sounds)


def _pairs(sounds: Sounds) -> int:
    return sum(len(sound) == 2 for sound in sounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = sorted(path.stem for path in CANDIDATES.glob("*.txt"))
    parser.add_argument("languages", nargs="*", default=known, help=f"of {', '.join(known)}; all when none is named")
    for language in parser.parse_args().languages:
        print(json.dumps(make(language)))


if __name__ == "__main__":
    main()
