"""The table of clips."""

from storage.records import Clip
from storage.table import Table


class Clips(Table[Clip]):
    """Rows of `Clip`."""

    name = "clips"
    kind = "clip"
    record = Clip

    def of_dataset(self, dataset_id: str) -> list[Clip]:
        return self.where("dataset_id = ?", [dataset_id])

    def of_file(self, file_id: str) -> list[Clip]:
        return self.where("file_id = ?", [file_id])
