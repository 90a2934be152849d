"""The table of transcripts."""

from storage.records import DatasetFile, Transcript
from storage.table import Table


class Transcripts(Table[Transcript]):
    """Rows of `Transcript`."""

    name = "transcripts"
    kind = "transcript"
    record = Transcript

    def of_recording(self, file: DatasetFile) -> Transcript | None:
        """The newest text for a recording, by its name or by its content."""
        found = self.where(
            "dataset_id = ? and stem in (?, ?)",
            [file.dataset_id, file.stem, file.sha256],
            order_by="rowid desc",
            limit=1,
        )
        return found[0] if found else None
