"""The table of what people changed in clips, so that it can be taken back."""

from storage.records import ClipEdit
from storage.table import Table


class ClipEdits(Table[ClipEdit]):
    """Rows of `ClipEdit`."""

    name = "clip_edits"
    kind = "edit"
    record = ClipEdit

    def last_step(self, dataset_id: str) -> list[ClipEdit]:
        """What the newest step of a dataset changed; empty when there is none."""
        return self.where(
            "step = (select step from clip_edits where dataset_id = ? order by id desc limit 1)", [dataset_id]
        )
