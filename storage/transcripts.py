"""The table of transcripts."""

from storage.records import Transcript
from storage.table import Table


class Transcripts(Table[Transcript]):
    """Rows of `Transcript`."""

    name = "transcripts"
    kind = "transcript"
    record = Transcript
