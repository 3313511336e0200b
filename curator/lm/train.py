"""Documents to a language model: `train`. KenLM's `lmplz` estimates where it and `build_binary` are installed; ours elsewhere,
to the same numbers."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curator import storage
from curator.config import quantity
from curator.errors import nearest
from curator.lm.arpa import write_arpa
from curator.lm.artefact import ARPA, MANIFEST, MODEL, PIECES, Manifest, read_manifest
from curator.lm.binary import open_binary, write_binary
from curator.lm.counting import ORDERS, count, workspace
from curator.lm.errors import LanguageModelError
from curator.lm.kneser_ney import FALLBACK, estimate
from curator.lm.tokens import Tokens, sentencepiece_model, tokenised

TOOLS = ("lmplz", "build_binary")


@dataclass(frozen=True, kw_only=True)
class Training:
    """How to make a model. `prune` holds, from the bigrams up, the count up to which n-grams are left out (0 keeps all; the
    last value goes on). `memory` bounds what counting holds, in bytes; sorted runs lie on disk. `languages` keeps only
    documents of these. `sentencepiece` is the path of a SentencePiece model, for the tokens of that name. `arpa` writes the
    text form too."""

    tokens: Tokens
    order: int = 5
    prune: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    variants: bool = True
    sentencepiece: str | None = None
    estimator: Literal["auto", "curator", "lmplz"] = "auto"
    memory: int = 1 << 30
    arpa: bool = False

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise LanguageModelError(f"order: {self.order} is not from {ORDERS.start} to {ORDERS.stop - 1}")
        if len(self.prune) > self.order - 1:
            raise LanguageModelError(f"prune: {len(self.prune)} values, from the bigrams up; order {self.order} has fewer")
        if any(a > b for a, b in zip((0, *self.prune), self.prune)):
            raise LanguageModelError(f"prune: {self.prune} must not fall: a pruned n-gram would leave longer ones without it")
        if self.memory < 64 << 20:
            raise LanguageModelError(f"memory: {self.memory} bytes are under 64 MiB")
        if (self.tokens == "sentencepiece") != (self.sentencepiece is not None):
            raise LanguageModelError("sentencepiece: give its model exactly where the tokens are sentencepiece")

    @property
    def by_lmplz(self) -> bool:
        found = all(shutil.which(tool) for tool in TOOLS)
        if self.estimator == "lmplz" and not found:
            raise LanguageModelError("estimator: lmplz and build_binary of KenLM are not both on the PATH")
        return found and self.estimator != "curator"


def thresholds(text: str) -> tuple[int, ...]:
    """`0,1,1` as numbers; nothing is pruned by `0` or an empty string."""
    try:
        found = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise LanguageModelError(f"prune: {text!r}: write whole numbers with commas, as 0,1,1") from None
    return found if any(found) else ()


def amount(text: str) -> int:
    """`1GiB`, `500MB` in bytes."""
    found = quantity(text)
    if found is None:
        raise LanguageModelError(f"memory: {text!r} is no number of bytes: 1GiB, 500MB")
    return found


def train(
    documents: Iterable[pa.RecordBatch],
    output: str,
    training: Training,
    inputs: Callable[[], Mapping[str, Any]] = dict,
) -> Manifest:
    """Make a model of documents (batches with `source`, `language`, `text`) and write its folder. The manifest comes last;
    `inputs` is asked, once all is read, for what it should say of the files."""
    by_lmplz = training.by_lmplz
    pieces, held = None, None
    if training.sentencepiece is not None:
        held = storage.read_bytes(training.sentencepiece)
        pieces = sentencepiece_model(held, training.sentencepiece)
    reading = _Reading(training, pieces)
    with workspace() as name:
        folder = Path(name)
        make = _by_lmplz if by_lmplz else _by_curator
        smoothing = make(reading.lines(documents), training, folder)
        layout = open_binary(folder / MODEL).layout
        written = [MODEL, *([ARPA] if training.arpa else [])]
        if held is not None:
            (folder / PIECES).write_bytes(held)
            written.append(PIECES)
        files = {each: _publish(folder / each, storage.join(output, each)) for each in written}
    manifest = Manifest(
        tokens=training.tokens,
        variants=training.variants,
        order=training.order,
        prune=training.prune,
        estimator="lmplz" if by_lmplz else "curator",
        documents=reading.documents,
        words=layout.counts[0],
        ngrams=layout.counts,
        sources={source: reading.sources[source] for source in sorted(reading.sources)},
        files=files,
        inputs=inputs(),
        languages=training.languages,
        unicode=unicodedata.unidata_version,
        **smoothing,
    )
    storage.write_bytes(storage.join(output, MANIFEST), manifest.to_json())
    return read_manifest(output)


class _Reading:
    """Tokenised lines of the documents that are wanted, and an account of them."""

    def __init__(self, training: Training, pieces: Any) -> None:
        self.training, self.pieces = training, pieces
        self.documents = 0
        self.sources: dict[str, dict[str, Any]] = {}
        self.languages: set[str] = set()  # of all documents, wanted or not

    def lines(self, documents: Iterable[pa.RecordBatch]) -> Iterator[np.ndarray]:
        """Raises LanguageModelError at the end if there was no document of a language that was asked for."""
        for batch in documents:
            if self.training.languages:
                self.languages |= {code for code in pc.unique(batch.column("language")).to_pylist() if code}
                wanted = pc.is_in(batch.column("language"), pa.array(self.training.languages, pa.string()))
                batch = batch.filter(wanted)
            texts = batch.column("text")
            self._account(batch.column("source").to_pylist(), texts.to_pylist())
            data, _ = tokenised(texts, self.training.tokens, self.training.variants, self.pieces)
            yield data
        for code in self.training.languages:
            if code not in self.languages:
                there = nearest(code, self.languages) if self.languages else ": none says which language it is in"
                raise LanguageModelError(f"languages: no document is in {code!r}{there}")

    def _account(self, sources: list[str | None], texts: list[str | None]) -> None:
        for source, text in zip(sources, texts):
            if text:
                entry = self.sources.setdefault(source or "", {"documents": 0, "characters": 0, "digest": f"{0:032x}"})
                entry["documents"] += 1
                entry["characters"] += len(text)
                total = int(entry["digest"], 16) + xxhash.xxh3_128_intdigest(text.encode())
                entry["digest"] = f"{total % (1 << 128):032x}"
                self.documents += 1


def _by_curator(texts: Iterable[np.ndarray], training: Training, folder: Path) -> dict[str, Any]:
    model = estimate(count(texts, training.order, folder, training.memory), folder, training.prune)
    write_binary(model, folder / MODEL)
    if training.arpa:
        write_arpa(model, folder / ARPA)
    return {"discounts": model.discounts, "fallbacks": model.fallbacks}


def _by_lmplz(texts: Iterable[np.ndarray], training: Training, folder: Path) -> dict[str, Any]:
    corpus, arpa = folder / "corpus", folder / ARPA
    with corpus.open("wb") as stream:
        for text in texts:
            stream.writelines(line + b"\n" for line in text.tobytes().split(b"\n") if line)  # an empty line is a sentence there
    if not corpus.stat().st_size:
        raise LanguageModelError("no text to train on: every document is empty, or of another language")
    order, memory = ["-o", str(training.order)], ["-S", f"{training.memory}b", "-T", str(folder / "lmplz")]
    fallback = ["--skip_symbols", "--discount_fallback", *map(str, FALLBACK)]
    prune = ["--prune", "0", *map(str, training.prune)] if training.prune else []
    _run(["lmplz", *order, *memory, "--text", str(corpus), "--arpa", str(arpa), *fallback, *prune])
    _run(["build_binary", "probing", str(arpa), str(folder / MODEL)])
    return {}


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise LanguageModelError(f"{command[0]} failed: {said[-1] if said else f'exit {ended.returncode}'}")


def _publish(path: Path, target: str) -> dict[str, Any]:
    """Copy a file into the artefact; its size and hash."""
    with storage.create(target) as stream, path.open("rb") as made:
        shutil.copyfileobj(made, stream, 8 << 20)
    with path.open("rb") as made:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(made, "sha256").hexdigest()}
