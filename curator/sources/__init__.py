"""Raw bytes to documents: what `read:` can name in a recipe."""

from curator.documents import Source
from curator.sources.arxiv import Arxiv
from curator.sources.books import Books
from curator.sources.code import Code
from curator.sources.instructions import Instructions
from curator.sources.jsonl import Jsonl
from curator.sources.parquet import Parquet
from curator.sources.reddit import Reddit
from curator.sources.stackexchange import StackExchange
from curator.sources.warc import Warc, Wet
from curator.sources.wikipedia import Wikipedia

SOURCES: dict[str, type[Source]] = {
    "warc": Warc,
    "wet": Wet,
    "jsonl": Jsonl,
    "parquet": Parquet,
    "wikipedia": Wikipedia,
    "books": Books,
    "code": Code,
    "arxiv": Arxiv,
    "stackexchange": StackExchange,
    "reddit": Reddit,
    "instructions": Instructions,
}
