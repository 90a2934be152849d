"""The table of datasets."""

from storage.records import Dataset
from storage.table import Table


class Datasets(Table[Dataset]):
    """Rows of `Dataset`."""

    name = "datasets"
    kind = "dataset"
    record = Dataset

    def next_to_review(self) -> Dataset | None:
        """The oldest dataset whose recordings are to be compared, once none of them waits to be inspected."""
        due = self.where(
            "is_review_due and not exists (select 1 from files where dataset_id = datasets.id and verdict = '')",
            limit=1,
        )
        return due[0] if due else None
