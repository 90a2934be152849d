"""The table of speeches."""

from storage.records import Speech
from storage.table import Table


class Speeches(Table[Speech]):
    """Rows of `Speech`."""

    name = "speeches"
    kind = "speech"
    record = Speech
