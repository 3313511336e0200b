"""Stages: a batch of documents in, new columns out. The YAML name of each, and its class."""

from __future__ import annotations

from curator.documents import Stage

STAGES: dict[str, type[Stage]] = {}
