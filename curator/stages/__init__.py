"""Stages: a batch of documents in, new columns out. The YAML name of each, and its class."""

from __future__ import annotations

from curator.stages.classifier import Classifier
from curator.stages.decontaminate import Decontaminate
from curator.stages.dsir import Dsir
from curator.stages.extract import Extract
from curator.stages.filter import Filter
from curator.stages.language import Language
from curator.stages.normalize import Normalize
from curator.stages.perplexity import Perplexity
from curator.stages.quality import Quality
from curator.stages.redact import Redact
from curator.stages.unframe import Unframe

STAGES: dict[str, type] = {
    "classifier": Classifier,
    "decontaminate": Decontaminate,
    "dsir": Dsir,
    "extract": Extract,
    "filter": Filter,
    "language": Language,
    "normalize": Normalize,
    "perplexity": Perplexity,
    "quality": Quality,
    "redact": Redact,
    "unframe": Unframe,
}
