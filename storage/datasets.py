"""The table of datasets."""

from storage.records import Dataset
from storage.table import Table

MAX_REVIEW_TRIES = 2
"""A dataset whose review has ended its process so often is left alone until it changes."""


class Datasets(Table[Dataset]):
    """Rows of `Dataset`."""

    name = "datasets"
    kind = "dataset"
    record = Dataset

    def next_to_review(self) -> Dataset | None:
        """The oldest dataset whose recordings are to be compared, once none of them waits to be inspected.

        It has changed, or its last review came to no end: one process at a time makes reviews.
        """
        due = self.where(
            f"(is_review_due or review_tries between 1 and {MAX_REVIEW_TRIES - 1})"
            " and not exists (select 1 from files where dataset_id = datasets.id and verdict = '')",
            limit=1,
        )
        return due[0] if due else None

    def begin_review(self, dataset: Dataset) -> None:
        """Count a try; a change from now on makes another review due."""
        tries = 1 if dataset.is_review_due else dataset.review_tries + 1
        self.update(dataset.id, is_review_due=False, review_tries=tries)
