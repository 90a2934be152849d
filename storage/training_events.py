"""The table of training events: the curve of each run."""

from storage.records import TrainingEvent
from storage.table import Table


class TrainingEvents(Table[TrainingEvent]):
    """Rows of `TrainingEvent`."""

    name = "training_events"
    kind = "training event"
    record = TrainingEvent

    def of_fine_tune(self, fine_tune_id: str, *, after: int = 0) -> list[TrainingEvent]:
        """Oldest first, those behind an id."""
        return self.where("fine_tune_id = ? and id > ?", [fine_tune_id, after], order_by="id")
