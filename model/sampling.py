"""Some of many, from everywhere among them."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """So many of the items, or all, as far from each other as they can lie."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]
