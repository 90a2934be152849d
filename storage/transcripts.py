"""The table of transcripts."""

from storage.records import Transcript
from storage.table import Table


class Transcripts(Table[Transcript]):
    """Rows of `Transcript`."""

    name = "transcripts"
    kind = "transcript"
    record = Transcript

    def of_recording(self, dataset_id: str, *, stem: str, sha256: str) -> Transcript | None:
        """The text of a recording: the one that goes by its content before the one that goes by its name."""
        found = self.where("dataset_id = ? and stem in (?, ?)", [dataset_id, stem, sha256], order_by="rowid")
        return next((row for row in found if row.stem == sha256), found[0] if found else None)
