"""The tables of providers in README.md and protocol/README.md, made of the catalogue's rows.

`scripts/gen_contract` writes each between its two marks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.providers.vendor import Vendor

BEGIN = "<!-- providers: scripts/gen_contract writes this table -->\n"
END = "<!-- end of providers -->\n"

# in this order; a word that is not here has a column, too, behind these
_COLUMNS = {
    "tools": "tools",
    "json_schema": "JSON schema",
    "json_object": "JSON",
    "images": "images",
    "files": "files",
    "audio": "audio",
    "reasoning": "reasoning",
    "citations": "citations",
    "document_citations": "cites documents",
    "embeddings": "embeddings",
    "prompt_caching": "prompt caching",
    "models": "lists models",
    "offline": "offline",
}
_IMPLIED = {"json_object": "json_schema"}
"""What has the second has the first."""


def replaced(text: str, written: str) -> str:
    """Return the text with a table between its marks. Raises `ValueError` where these are not."""
    before, began, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not began or not ended:
        message = f"The README lacks {BEGIN.strip() if not began else END.strip()}"
        raise ValueError(message)
    return f"{before}{began}{written}{ended}{after}"


def addresses(vendors: Sequence[Vendor]) -> str:
    """Return the table of where each is asked, and of what may hold its key."""
    lines = [["provider", "format", "base_url", "key from"], ["---"] * 4]
    for vendor in vendors:
        key = " or ".join(f"`{name}`" for name in vendor.key_variables)
        optional = "" if vendor.key_required or not key else "optional: "
        url = vendor.base_url or ""
        lines.append([f"`{vendor.name}`", f"`{vendor.format}`", url, f"{optional}{key}"])
    return _written(lines)


def table(vendors: Sequence[Vendor]) -> str:
    """Return the table: a line for each provider, a column for each thing that not all can do."""
    every = set.intersection(*(_words(vendor) for vendor in vendors))
    some = set.union(*(_words(vendor) for vendor in vendors)) - every
    words = [word for word in _COLUMNS if word in some]
    words += sorted(some - set(_COLUMNS))
    head = ["provider", "", "format", "key", *(_COLUMNS.get(word, word) for word in words)]
    lines = [head, ["---", "---", "---", "---", *(":-:" for _ in words)]]
    lines += [_line(vendor, words) for vendor in vendors]
    return _written(lines)


def _written(lines: Sequence[Sequence[str]]) -> str:
    """Cells as Markdown; an empty one has one blank in it."""
    rows = ["|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines]
    return "\n" + "".join(f"{row}\n" for row in rows) + "\n"


def _line(vendor: Vendor, words: Sequence[str]) -> list[str]:
    has = _words(vendor)
    marks = ["✓" if word in has else "·" for word in words]
    return [f"`{vendor.name}`", vendor.display_name, f"`{vendor.format}`", _key(vendor), *marks]


def _words(vendor: Vendor) -> set[str]:
    words = set(vendor.capabilities)
    return words | {word for word, more in _IMPLIED.items() if more in words}


def _key(vendor: Vendor) -> str:
    if not vendor.key_variables:
        return "none"
    return "needed" if vendor.key_required else "optional"
