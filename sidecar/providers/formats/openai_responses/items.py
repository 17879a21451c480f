"""Which item of an answer an event is about.

By the plain form `output_index` and `item_id` agree. Some servers number all items 0, some leave
the number out, and proxies give one item another id in each event. So an id that is known counts,
then the number; `output_item.added` starts an item, whatever its number.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.openai_responses.layout import Entry

MAX_ITEMS = 4096


@dataclass(slots=True)
class Item:
    """One item of the answer. `number` is its place among those that came."""

    number: int
    kind: str
    id: str | None = None
    done: bool = False
    length: int = 0
    """Characters of content that were told of it."""
    call: int | None = None
    """The index of the call that it is."""
    entry: Entry | None = None
    """How it stands in the order of the answer, once it is whole."""


class Items:
    """The items of one answer."""

    def __init__(self) -> None:
        self.all: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._by_index: dict[int, Item] = {}

    def announced(self, kind: str, index: int | None, item_id: str | None) -> Item:
        """An item begins; one that is told of twice is one."""
        item = self.find(kind, index, item_id)
        if item is not None and not item.done and (item_id is None or item.id in (None, item_id)):
            return item
        return self.begin(kind, index, item_id)

    def begin(self, kind: str, index: int | None, item_id: str | None) -> Item:
        """Enter a new item. Raises `InvalidResponse` for more than can be meant."""
        if len(self.all) >= MAX_ITEMS:
            message = f"The answer has more than {MAX_ITEMS} items; it was broken off."
            raise InvalidResponse(message)
        item = Item(len(self.all), kind, item_id)
        self.all.append(item)
        if item_id is not None:
            self._by_id[item_id] = item
        if index is not None:
            self._by_index[index] = item
        return item

    def find(self, kind: str | None, index: int | None, item_id: str | None) -> Item | None:
        """The item that is meant; `kind`: only one of that kind is."""
        named = self._by_id.get(item_id) if item_id is not None else None
        numbered = self._by_index.get(index) if index is not None else None
        for item in (named, numbered):
            if item is not None and kind in (None, item.kind):
                return item
        if index is None and item_id is None and self.all and kind in (None, self.all[-1].kind):
            return self.all[-1]
        return None
