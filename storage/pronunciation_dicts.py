"""The table of pronunciation dictionaries."""

from storage.records import PronunciationDict
from storage.table import Table


class PronunciationDicts(Table[PronunciationDict]):
    """Rows of `PronunciationDict`."""

    name = "pronunciation_dicts"
    kind = "pronunciation dictionary"
    record = PronunciationDict
