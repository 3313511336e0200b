"""The machine code of kernels is that of their sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import curator
from curator.kernels import HOLD_KERNELS, keep_code, state

PACKAGE = Path(curator.__file__).parent
CALLEE = "import numba\n@numba.njit(cache=True)\ndef number():\n    return {}\n"
CALLER = "import numba\nfrom metrics.callee import number\n@numba.njit(cache=True)\ndef twice():\n    return 2 * number()\n"
RUN = """
import sys
from pathlib import Path
from curator.kernels import keep_code
keep_code(Path(sys.argv[1]))
sys.path.insert(0, sys.argv[1])
from metrics.caller import twice
print(twice(), sum(twice.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "callee.py").write_text(CALLEE.format(1))
    (folder / "caller.py").write_text(CALLER)
    return tmp_path


def run(package: Path) -> str:
    own = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "CURATOR_KERNELS")}
    done = subprocess.run([sys.executable, "-c", RUN, str(package)], check=True, capture_output=True, text=True, env=own)
    return done.stdout.strip()


def test_a_kernel_is_compiled_again_when_what_it_calls_in_another_file_has_changed(package: Path) -> None:
    assert run(package) == "2 0"
    assert run(package) == "2 1"
    (package / "metrics" / "callee.py").write_text(CALLEE.format(21))
    assert run(package) == "42 0"


def test_every_folder_that_holds_a_kernel_is_known() -> None:
    using = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if path.name != "kernels.py" and "numba" in path.read_text(encoding="utf-8")
    }
    assert using == set(HOLD_KERNELS)
    assert not [path for folder in HOLD_KERNELS for path in (PACKAGE / folder).glob("*/*.py")]


def test_what_the_user_has_set_is_left_alone(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "mine")
    keep_code(package)
    assert os.environ["NUMBA_CACHE_DIR"] == "mine"


def test_what_another_version_has_set_is_not_and_old_code_goes(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = package / "__pycache__" / "kernels"
    (folder / "old").mkdir(parents=True)
    (folder / "recent").mkdir()
    os.utime(folder / "old", (1, 1))
    for name in ("NUMBA_CACHE_DIR", "CURATOR_KERNELS"):
        monkeypatch.setenv(name, "of another version")
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    keep_code(package)
    assert os.environ["NUMBA_CACHE_DIR"] == os.environ["CURATOR_KERNELS"] == str(folder / state(package))
    assert {path.name for path in folder.iterdir()} == {"recent", state(package)}


def test_where_nothing_can_be_written_beside_the_sources(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "__pycache__").write_text("no folder")
    monkeypatch.setenv("CURATOR_CACHE", str(package / "cache"))
    assert run(package) == "2 0"
    assert run(package) == "2 1"
    assert (package / "cache" / "kernels" / state(package)).is_dir()
    monkeypatch.setenv("CURATOR_CACHE", str(package / "__pycache__"))
    assert run(package) == "2 0"
    assert run(package) == "2 0"
