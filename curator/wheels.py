"""`pypi:` paths: a file inside a pinned wheel from PyPI, read and never installed.

`pypi:gensim==4.4.0/gensim/test/test_data/x.bz2#sha256=…`: pip's own client brings the wheel into the cache, its sha256 is
checked, and one member is extracted. The wheel is always the one for the same platform (CPython 3.12 on x86-64 Linux) or a
pure one, whatever this machine is: only data is read from it, so every machine reads the same bytes.

The fragment pins the wheel. Without one, the hash that pip saw (and checked against the index) is remembered on first use.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from curator.caches import cache_folder
from curator.errors import UserError

_PATH = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+_-]+)/(?P<member>[^#]+)(#sha256=(?P<sha256>[0-9a-f]{64}))?"
)
_TARGET = ["--python-version", "3.12", "--implementation", "cp"]
_TARGET += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"]
MOST_BYTES = 2 << 30  # of one extracted member: a wheel is foreign input, its expansion is bounded


class WheelError(UserError):
    """A `pypi:` path that cannot be had, in words for the user."""


def wheel_member(path: str) -> Path:
    """The local copy of the file that `NAME==VERSION/MEMBER[#sha256=HEX]` names."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise WheelError(f"pypi:{path}: write pypi:NAME==VERSION/path/inside/the/wheel, with #sha256=… of the wheel at the end")
    name, version, member, pin = match["name"], match["version"], match["member"], match["sha256"]
    folder = cache_folder() / "wheels" / f"{name}-{version}"
    target = folder / "members" / hashlib.sha256(member.encode()).hexdigest()[:12] / Path(member).name
    wheel = _cached_wheel(folder) or _download(name, version, folder)
    if not target.exists() or pin:
        _check(wheel, pin, path)
    if not target.exists():
        _extract(wheel, member, target, path)
    return target


def _cached_wheel(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("*.whl"))), None)


def _download(name: str, version: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", *_TARGET, "--dest", scratch, f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise WheelError(
                f"pip could not bring {name}=={version} from the package index: {said[-1] if said else 'no wheel'}"
            )
        digest = _sha256(wheels[0])
        (folder / "sha256").write_text(digest)
        return wheels[0].replace(folder / wheels[0].name)


def _check(wheel: Path, pin: str | None, path: str) -> None:
    noted = wheel.parent / "sha256"
    expected = pin or (noted.read_text().strip() if noted.exists() else None)
    actual = _sha256(wheel)
    if expected is None:
        noted.write_text(actual)
    elif actual != expected:
        raise WheelError(f"pypi:{path}: {wheel} has sha256 {actual}, expected {expected}; delete it to bring it again")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _extract(wheel: Path, member: str, target: Path, path: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        try:
            info = archive.getinfo(member)
        except KeyError:
            near = [n for n in archive.namelist() if n.endswith(Path(member).name)][:3]
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise WheelError(f"pypi:{path}: {wheel.name} has no {member!r}{hint}") from None
        if info.file_size > MOST_BYTES:
            raise WheelError(f"pypi:{path}: the member would expand to {info.file_size} bytes, over {MOST_BYTES}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as stream, tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
            while chunk := stream.read(1 << 20):
                partial.write(chunk)
        Path(partial.name).replace(target)
