"""Our recognisers for who works with presidio: `registry()` gives them as presidio's own kind.

AnalyzerEngine(registry=registry(), nlp_engine=…).analyze(text, language="zh")
"""

from __future__ import annotations

from collections.abc import Sequence

from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from curator.privacy.entities import ENTITIES
from curator.privacy.finding import find_in

# What presidio calls the same kind; the others have our name in capitals.
NAMES = {
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "id_card": "CN_ID_CARD",
    "uscc": "CN_USCC",
    "bank_card": "CREDIT_CARD",
    "plate": "CN_LICENSE_PLATE",
    "ip": "IP_ADDRESS",
    "mac": "MAC_ADDRESS",
}
SCORE = 0.95


class CuratorRecognizer(EntityRecognizer):
    """One of ENTITIES."""

    def __init__(self, entity: str, language: str) -> None:
        self.entity = entity
        super().__init__([NAMES.get(entity, entity.upper())], name=f"Curator {entity}", supported_language=language)

    def load(self) -> None:
        """Nothing to load: the patterns are compiled when the module is."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        (name,) = self.supported_entities
        if entities and name not in entities:
            return []
        return [
            RecognizerResult(name, start, end, SCORE, AnalysisExplanation(self.name, SCORE))
            for start, end, _ in find_in(text, [self.entity])
        ]


def registry(languages: Sequence[str] = ("en", "zh"), entities: Sequence[str] | None = None) -> RecognizerRegistry:
    """A registry that holds a recogniser for each kind and language, and none of presidio's."""
    wanted = list(ENTITIES if entities is None else entities)
    recognizers = [CuratorRecognizer(entity, language) for language in languages for entity in wanted]
    return RecognizerRegistry(recognizers=recognizers, supported_languages=list(languages))
