"""Where the machine code of kernels is kept: a folder for each state of their sources.

Numba compiles a function anew when its own file has changed, but not when what it calls, or a constant, has in another file:
after an update in place old code would go on running inside of new code, with wrong results or a crash. So its cache lies in a
folder that is named by all the files that kernels are made of: beside these, else in $CURATOR_CACHE, else in one that this
process alone has. NUMBA_CACHE_DIR is left alone where the user has set it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from curator.caches import cache_folder

HOLD_KERNELS = ("dedup", "extraction", "lm", "metrics", "privacy", "quality", "stages", "tokens")
_PACKAGE = Path(__file__).parent
_VARIABLE, _OURS = "NUMBA_CACHE_DIR", "CURATOR_KERNELS"  # the second one says that we have set the first
_UNUSED = 7 * 86_400  # seconds after which the code of another state goes


def keep_code(package: Path = _PACKAGE) -> None:
    """Tell numba, before it compiles."""
    given = os.environ.get(_VARIABLE)
    if given and given != os.environ.get(_OURS):
        return
    name = state(package)
    folders = [package / "__pycache__" / "kernels"]
    with suppress(RuntimeError):  # a user without a home
        folders.append(cache_folder() / "kernels")
    for folder in folders:
        if _holds(folder / name):
            os.environ[_OURS] = _tell(folder / name)
            return
    place = tempfile.mkdtemp(prefix="curator-kernels-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    _tell(Path(place))


def state(package: Path) -> str:
    """A digest of when the files that kernels are made of were written, and of their sizes: to read them takes longer."""
    found = hashlib.sha256()
    for folder in HOLD_KERNELS:
        for path in sorted((package / folder).glob("*.py")):
            status = path.stat()
            found.update(f"{folder}/{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]


def _holds(place: Path) -> bool:
    """Whether there is such a folder, or now is; others that nobody has asked for in a while go."""
    try:
        if not place.exists():
            place.mkdir(parents=True, exist_ok=True)
            for other in place.parent.iterdir():
                if other.stat().st_mtime < time.time() - _UNUSED:
                    shutil.rmtree(other, ignore_errors=True)
        os.utime(place)
    except OSError:
        return False
    return os.access(place, os.W_OK)


def _tell(place: Path) -> str:
    os.environ[_VARIABLE] = str(place)
    if "numba" in sys.modules:  # it has read the variable already
        sys.modules["numba"].config.CACHE_DIR = str(place)
    return str(place)
