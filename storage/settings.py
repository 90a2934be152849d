"""The table of settings."""

from storage.records import Setting
from storage.table import Table


class Settings(Table[Setting]):
    """Rows of `Setting`."""

    name = "settings"
    kind = "setting"
    record = Setting
