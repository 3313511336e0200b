"""Raw bytes to documents: what `read:` can name in a recipe."""

from curator.documents import Source

SOURCES: dict[str, type[Source]] = {}
