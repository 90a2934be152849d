"""The table of datasets."""

from storage.records import Dataset
from storage.table import Table


class Datasets(Table[Dataset]):
    """Rows of `Dataset`."""

    name = "datasets"
    kind = "dataset"
    record = Dataset
