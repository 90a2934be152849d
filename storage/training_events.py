"""The table of training events: the curve of each run."""

from storage.records import TrainingEvent
from storage.table import Table


class TrainingEvents(Table[TrainingEvent]):
    """Rows of `TrainingEvent`."""

    name = "training_events"
    kind = "training event"
    record = TrainingEvent

    def of_fine_tune(self, fine_tune_id: str) -> list[TrainingEvent]:
        return self.where("fine_tune_id = ?", [fine_tune_id], order_by="id")
