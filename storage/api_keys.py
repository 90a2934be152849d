"""The table of API keys."""

from storage.records import ApiKey
from storage.table import Table


class ApiKeys(Table[ApiKey]):
    """Rows of `ApiKey`."""

    name = "api_keys"
    kind = "key"
    record = ApiKey
