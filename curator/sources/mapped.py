"""Which field of a record, or column of a table, holds what of a document: the options that `jsonl` and `parquet` share."""

from __future__ import annotations

from dataclasses import dataclass

MAPPED = ("url", "title", "date", "language", "license")


@dataclass(frozen=True, kw_only=True)
class Mapped:
    text: str | tuple[str, ...] = "text"
    url: str = "url"
    title: str = "title"
    date: str = "date"
    language: str = "language"
    license: str = "license"

    def check_text(self, what: str) -> None:
        if not self.text or "" in (self.text if isinstance(self.text, tuple) else ()):
            raise ValueError(f"text: name the {what} that holds the text, or a list of them")
