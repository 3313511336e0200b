"""Local paths, object stores (see `stores`), `package:` and `pypi:` paths: the only door to files.

- `data/cc/*.warc.gz`, `s3://bucket/cc/*.warc.gz`: globs, a folder (everything below it), or one file. What is there by the very
  name is meant, though it has brackets in it; `~/` is the home folder.
- `package:rich/…`: files of a package installed in this environment, found without importing it.
- `pypi:gensim==4.4.0/gensim/test/…`: a file inside a pinned wheel (see `wheels`).

Writes are atomic: local files are written beside their name and renamed; an object store gets one PUT and no rename
(fsspec's `mv` is a copy and a delete there).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import hashlib
import importlib.util
import os
import posixpath
import re
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from curator import caches, stores
from curator.documents import File
from curator.errors import nearest
from curator.stores import StorageError, filesystem_of, is_remote, os_errors, plain
from curator.wheels import wheel_member

PRESETS = Path(__file__).resolve().parent  # in the wheel, pipelines/, filters/ and tokenizers/ lie below the package
SHIPPED = "pipelines/"  # whose files recipes name by paths
HALF_WRITTEN = re.compile(r"\.\d+-[0-9a-f]{8}\.part$")  # of `create`, in a process that was killed


# ------------------------------------------------------------------------------------------------------------- finding


def resolve(path: str) -> str:
    """A path that `open` takes for reading: `package:` and `pypi:` become local paths, and `pipelines/…` that is not here is
    the file of that name that curator ships; others stay as they are."""
    if path.startswith("package:"):
        return _package_path(path.removeprefix("package:"))
    if path.startswith("pypi:"):
        return str(wheel_member(path.removeprefix("pypi:")))
    path = path if is_remote(path) else plain(path)
    if not os.path.exists(path):
        return next((shipped for shipped in _shipped(path) if os.path.exists(shipped)), path)
    return path


def _package_path(path: str) -> str:
    name, _, inside = path.partition("/")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise StorageError(f"package:{path}: {error}") from None
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise StorageError(f"package:{path}: no package {name!r} is installed in this environment")
    if not spec.submodule_search_locations:
        return str(spec.origin)
    root = next(iter(spec.submodule_search_locations))
    found = posixpath.normpath(posixpath.join(root, inside)) if inside else root
    if found != root and not found.startswith(f"{root}/"):
        raise StorageError(f"package:{path}: leaves the package")
    return found


def preset(kind: str, path: str, suffix: str = ".yaml") -> str:
    """A recipe, filter or tokenizer by path, or by the name of one that curator ships: `zh_web`, `filters/zh_web.yaml`."""
    for candidate in _preset_candidates(kind, path, suffix):
        if os.path.isfile(candidate):
            return candidate
    what = "training options" if kind == "pipelines/train" else kind.rstrip("s")
    there = presets(kind, suffix)
    near = nearest(path, there) or "."
    raise StorageError(f"no {what} {path!r}: neither a file nor one of {', '.join(there)}{near if near.endswith('?') else ''}")


def _preset_candidates(kind: str, path: str, suffix: str) -> Iterator[str]:
    yield path
    for root in _preset_roots():
        yield str(root / path)
        yield str(root / kind / path)
        yield str(root / kind / f"{path}{suffix}")


def presets(kind: str, suffix: str = ".yaml") -> list[str]:
    """Names of the shipped presets of a kind (`pipelines`, `filters`, `tokenizers`)."""
    for root in _preset_roots():
        if (root / kind).is_dir():
            return sorted(p.stem for p in (root / kind).glob(f"*{suffix}"))
    return []


def _preset_roots() -> tuple[Path, Path]:
    return PRESETS, PRESETS.parent  # an installed wheel; a checkout


def find(patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[File]:
    """Every file that the patterns name, sorted by name, each once. A folder stands for all that is below it.

    `exclude` holds globs on the name (`**/node_modules/**`). Raises StorageError for a pattern that finds nothing.
    """
    found: dict[str, File] = {}
    for pattern in patterns:
        matches = list(_find_one(pattern)) or [f for shipped in _shipped(pattern) for f in _find_one(shipped)]
        if not matches:
            raise StorageError(f"nothing matches {pattern!r}")
        for file in matches:
            file = dataclasses.replace(file, name=readable(file.name))
            if not any(_excluded(file.name, glob) for glob in exclude):
                found.setdefault(file.path, file)
    return sorted(found.values(), key=lambda f: (f.name, f.path))


def readable(path: str) -> str:
    """A path as text: what is not UTF-8 in it, as in names that another system has given, is written out (`\\xd6\\xd0.txt`)."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _shipped(pattern: str) -> Iterator[str]:
    """A path that is not below the working directory may be one of the files that curator ships."""
    if pattern.startswith(SHIPPED):
        yield from (str(root / pattern) for root in _preset_roots() if (root / "pipelines").is_dir())


def _excluded(name: str, glob: str) -> bool:
    return fnmatch.fnmatch(f"/{name}", glob if glob.startswith(("/", "*")) else f"*/{glob}") or fnmatch.fnmatch(name, glob)


def _find_one(pattern: str) -> Iterator[File]:
    if pattern.startswith("pypi:"):  # the path stays as it is, so that every node of a cluster brings the wheel for itself
        name = pattern.split("#")[0].partition("/")[2]  # the version is no part of a document's id
        yield File(pattern, name, os.path.getsize(resolve(pattern)), content_digest(pattern))
        return
    if pattern.startswith("package:"):
        root, prefix = resolve(pattern), pattern.removeprefix("package:").rstrip("/")
        for file in _walk_local(root, prefix):
            yield dataclasses.replace(file, path=f"package:{file.name}")
        return
    if not is_remote(pattern):
        pattern = plain(pattern)
        if os.path.isdir(pattern):
            yield from _walk_local(pattern, "")
            return
        if os.path.exists(pattern):
            yield _local_file(pattern, os.path.basename(pattern))
            return
        if not _is_glob(pattern):
            return
    with os_errors(pattern):
        yield from _find_by_listing(pattern)


def _is_glob(path: str) -> bool:
    return any(c in path for c in "*?[")


def _find_by_listing(pattern: str) -> Iterator[File]:
    filesystem, path = filesystem_of(pattern)
    found: Any  # by path, what the store says of each: one listing, not a request a file
    if _is_glob(path) and not (is_remote(pattern) and filesystem.exists(path)):
        found, prefix = filesystem.glob(path, detail=True), _fixed_prefix(path)
    else:
        found = filesystem.find(path, detail=True)
        prefix = path.rstrip("/") + "/" if list(found) != [path] else posixpath.dirname(path) + "/"
    for each, info in found.items():
        if info["type"] == "directory":
            continue
        if is_remote(pattern):
            stamp = str(info.get("ETag") or info.get("LastModified") or info.get("mtime") or info["size"]).strip('"')
            yield File(str(filesystem.unstrip_protocol(each)), each.removeprefix(prefix), int(info["size"]), stamp)
        elif _is_input(each):
            yield _local_file(each, each.removeprefix(prefix))


def _fixed_prefix(path: str) -> str:
    magic = min((path.index(c) for c in "*?[" if c in path), default=len(path))
    return path[: path.rfind("/", 0, magic) + 1]


def _walk_local(root: str, prefix: str) -> Iterator[File]:
    if os.path.isfile(root):
        yield _local_file(root, prefix or os.path.basename(root))
        return
    # Links to folders are not followed: no cycles, nothing from outside.
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if _is_input(path) and not _leads_out(path, root):
                yield _local_file(path, posixpath.join(prefix, os.path.relpath(path, root)))


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename}: {error.strerror}")


def _leads_out(path: str, root: str) -> bool:
    """A link to a file outside of the folder: a repository from a stranger must not bring in this machine's own files."""
    return os.path.islink(path) and os.path.exists(path) and not os.path.realpath(path).startswith(f"{os.path.realpath(root)}/")


def _is_input(path: str) -> bool:
    """A file, or a link that leads nowhere: who reads it will fail and name it. Pipes and devices are no files."""
    return os.path.isfile(path) or not os.path.exists(path)


def _local_file(path: str, name: str) -> File:
    path = os.path.abspath(path)
    try:
        status = os.stat(path)
    except OSError as error:
        return File(path, name, 0, f"unreadable ({error.strerror})")
    return File(path, name, status.st_size, str(status.st_mtime_ns))


# ------------------------------------------------------------------------------------------------------------- reading


def open_input(path: str) -> IO[bytes]:
    """A seekable binary stream of raw bytes, nothing decompressed."""
    path = resolve(path)
    if is_remote(path):
        filesystem, inside = filesystem_of(path)
        return stores.reading(filesystem, inside, path)
    return open(path, "rb", buffering=1 << 20)


def local(path: str) -> Path:
    """A local copy of a file, for native libraries that open by name; remote files are brought into the cache once, which
    is to be opened soon: it may make room for others later."""
    path = resolve(path)
    if not is_remote(path):
        return Path(path)
    filesystem, inside = filesystem_of(path)
    with os_errors(path):
        stamp = hashlib.blake2b(f"{path}:{filesystem.ukey(inside)}".encode(), digest_size=12).hexdigest()
    folder = caches.cache_folder() / "files"
    target = folder / f"{stamp}-{posixpath.basename(inside)[-100:]}"
    if not caches.held(target):
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{target.name}.{uuid.uuid4().hex[:8]}.part"
        try:
            with os_errors(path):
                filesystem.get_file(inside, str(partial))
            partial.rename(target)
        finally:
            partial.unlink(missing_ok=True)
        caches.make_room(folder, caches.cache_bytes())
    return target


def read_bytes(path: str) -> bytes:
    with open_input(path) as stream:
        return stream.read()


def read_range(path: str, start: int, stop: int) -> bytes:
    """Bytes of a file from `start` up to `stop`, or to its end: of a remote file, no more than these are moved."""
    path = resolve(path)
    if is_remote(path):
        filesystem, inside = filesystem_of(path)
        with os_errors(path):
            return cast(bytes, filesystem.cat_file(inside, start=start, end=stop))
    with open(path, "rb") as stream:
        stream.seek(start)
        return stream.read(stop - start)


def exists(path: str) -> bool:
    path = resolve(path)
    if is_remote(path):
        filesystem, inside = filesystem_of(path)
        with os_errors(path):
            return filesystem.exists(inside)
    return os.path.exists(path)


def content_digest(path: str) -> str:
    """sha256 of a file's bytes, in hex; remembered in this process by path, size and modification time. A remote file is
    brought here for it, as for whoever opens it next; see `passing_digest`."""
    where = local(path)
    status = where.stat()
    return _content_digest(str(where), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _content_digest(path: str, size: int, stamp: int) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def passing_digest(path: str) -> str:
    """`content_digest`, and nothing of a remote file stays here: for raw input, of which there may be more than disk."""
    if not is_remote(resolve(path)):
        return content_digest(path)
    with open_input(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- writing


@contextmanager
def create(path: str) -> Iterator[IO[bytes]]:
    """A binary stream whose bytes appear under `path` all at once when the block ends, or not at all if it raises."""
    if is_remote(path):  # written here first: what is uploaded is whole, and a failure uploads nothing
        with tempfile.NamedTemporaryFile(prefix="curator-") as stream:
            yield stream
            stream.flush()
            filesystem, inside = filesystem_of(path)
            with os_errors(path):
                filesystem.put_file(stream.name, inside)
        return
    path = plain(path)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    partial = f"{path}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    try:
        with open(partial, "wb", buffering=1 << 20) as stream:
            yield stream
        os.replace(partial, path)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:  # a disk that is full: which one?
            raise OSError(error.errno, error.strerror, path) from error
        raise


def write_bytes(path: str, data: bytes) -> None:
    with create(path) as stream:
        stream.write(data)


def claim(path: str, data: bytes) -> bool:
    """Create `path` with `data` if nothing is there; False if something is. On an object store, a conditional PUT."""
    filesystem, inside = filesystem_of(path)
    if not is_remote(path):
        os.makedirs(os.path.dirname(inside), exist_ok=True)
    try:
        with os_errors(path):
            filesystem.pipe_file(inside, data, mode="create")
    except FileExistsError:
        return False
    return True


def remove(path: str) -> None:
    """Remove a file; nothing happens if it is not there."""
    filesystem, inside = filesystem_of(path)
    try:
        with os_errors(path):
            filesystem.rm_file(inside)
    except FileNotFoundError:
        pass


def size(path: str) -> int:
    """Bytes of a file."""
    filesystem, inside = filesystem_of(resolve(path))
    with os_errors(path):
        return int(filesystem.size(inside) or 0)


def listing(folder: str) -> list[str]:
    """Paths of all files below a folder, sorted, each beginning with `folder`; none if the folder does not exist."""
    filesystem, inside = filesystem_of(folder)
    with os_errors(folder):
        if not filesystem.exists(inside):
            return []
        return [join(folder, path.removeprefix(inside).lstrip("/")) for path in sorted(filesystem.find(inside))]


def sizes(folder: str) -> dict[str, int]:
    """As `listing`, with the bytes of each file: one look at a store, not a request a file."""
    filesystem, inside = filesystem_of(folder)
    with os_errors(folder):
        found: Any = filesystem.find(inside, detail=True) if filesystem.exists(inside) else {}
        return {join(folder, path.removeprefix(inside).lstrip("/")): int(info["size"]) for path, info in sorted(found.items())}


def absolute(path: str) -> str:
    """A local path from the root, so that it means the same in a process that stands elsewhere; others as they are."""
    return path if is_remote(path) or path.startswith(("pypi:", "package:")) else os.path.abspath(plain(path))


def join(*parts: str) -> str:
    return posixpath.join(*parts)
