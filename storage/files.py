"""The table of uploaded recordings."""

from storage.records import DatasetFile
from storage.table import Table


class Files(Table[DatasetFile]):
    """Rows of `DatasetFile`."""

    name = "files"
    kind = "file"
    record = DatasetFile

    def of_dataset(self, dataset_id: str) -> list[DatasetFile]:
        return self.where("dataset_id = ?", [dataset_id])

    def next_to_inspect(self) -> DatasetFile | None:
        """The oldest file without a verdict."""
        pending = self.where("verdict = ''", limit=1)
        return pending[0] if pending else None

    def free_duplicates(self, file_id: str) -> None:
        """Of the duplicates of a file that goes, let the first be inspected and the others be duplicates of it."""
        twins = self.where("duplicate_of = ?", [file_id])
        for twin in twins[:1]:
            self.update(twin.id, verdict="", reason="", findings=[], duplicate_of="", inspections=0)
        for twin in twins[1:]:
            self.update(twin.id, duplicate_of=twins[0].id)

    def spoken_language(self, dataset_id: str) -> str:
        """What recognition takes most of a dataset's speech for, two letters; empty before it has listened."""
        heard = self._query(
            """
            select * from files where dataset_id = ? and language != '' group by language
            order by sum(usable_seconds * language_probability) desc limit 1
            """,
            [dataset_id],
        )
        return heard[0].language if heard else ""
