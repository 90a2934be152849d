"""Text that comes bit by bit -> pieces that can be spoken well: whole sentences where there is time for them."""

import re

LONGEST = 300
"""Characters without the end of a sentence; then the end of a clause will do."""

_SENTENCE_END = re.compile(r"""(?<![.!?…।])[.!?…।]++["”’')\]]*+\s+|\n+""")
_CLAUSE_END = re.compile(r"[,;:—–]\s+")
_NO_END = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|[A-Z]|e\.g|i\.e)\.$")
LOOK_BACK = 8
"""Characters before a full stop that may show that it ends no sentence."""


class PhraseBuffer:
    """Holds what has come and is not spoken yet. Pieces are joined as they come, no space is added."""

    def __init__(self) -> None:
        self._text = ""

    def __bool__(self) -> bool:
        return bool(self._text.strip())

    def __len__(self) -> int:
        """Characters that wait."""
        return len(self._text)

    def add(self, text: str) -> None:
        self._text += text

    def take_sentences(self) -> str:
        """The sentences that are certainly complete: something follows their end. Empty when there is none."""
        ends = [
            match.end()
            for match in _SENTENCE_END.finditer(self._text)
            if not _NO_END.search(self._text[max(match.start() - LOOK_BACK, 0) : match.start() + 1])
        ]
        if not ends and len(self._text) > LONGEST:
            ends = [match.end() for match in _CLAUSE_END.finditer(self._text)]
        return self._take(ends[-1]) if ends else ""

    def take_words(self) -> str:
        """All whole words, as far as can be told; a single word is whole."""
        cut = len(self._text.rstrip()) if self._text[-1:].isspace() else self._text.rstrip().rfind(" ")
        has_words = bool(self._text[: max(cut, 0)].strip())
        return self._take(cut + 1 if has_words else len(self._text))

    def take_all(self) -> str:
        return self._take(len(self._text))

    def _take(self, end: int) -> str:
        taken, self._text = self._text[:end], self._text[end:]
        return taken
