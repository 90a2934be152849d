"""The table of voices."""

from storage.records import Voice
from storage.table import Table


class Voices(Table[Voice]):
    """Rows of `Voice`."""

    name = "voices"
    kind = "voice"
    record = Voice

    def of_fine_tune(self, fine_tune_id: str) -> list[Voice]:
        return self.where("fine_tune_id = ?", [fine_tune_id], order_by="position")
