"""A user's own sources and stages: `plugins: [my_stages.py]`, a module with STAGES = {...} or SOURCES = {...}."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ray import cloudpickle

from curator import storage
from curator.config import Section


@dataclass(frozen=True)
class Plugins:
    """What the plugin files of a recipe add, and the hash of their code by class, which enters the fingerprints."""

    sources: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, Any] = field(default_factory=dict)
    code: dict[type, str] = field(default_factory=dict)

    @staticmethod
    def load(paths: Sequence[str], section: Section) -> Plugins:
        """Import each file (the user's own code, and run as such). Raises ConfigError if that fails or it adds nothing."""
        plugins = Plugins()
        for path in paths:
            if not storage.exists(path):
                raise section.error(f"plugins: there is no file {path!r}", "plugins")
            module = _import(path, section)
            digest = hashlib.sha256(storage.read_bytes(path)).hexdigest()[:32]
            added = 0
            for name in ("SOURCES", "STAGES"):
                for key, cls in getattr(module, name, {}).items():
                    getattr(plugins, name.lower())[key] = cls
                    plugins.code[cls] = digest
                    added += 1
            if not added:
                raise section.error(f"plugins: {path} has neither STAGES nor SOURCES", "plugins")
        return plugins


def _import(path: str, section: Section) -> ModuleType:
    name = f"curator_plugin_{Path(path).stem}_{hashlib.blake2b(path.encode(), digest_size=4).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, storage.local(path))
    if spec is None or spec.loader is None:
        raise section.error(f"plugins: {path} is not a Python file", "plugins")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise section.error(f"plugins: {path} cannot be imported: {type(error).__name__}: {error}", "plugins") from None
    cloudpickle.register_pickle_by_value(module)  # workers need not find the file
    return module
