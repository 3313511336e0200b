"""Deduplication: every document is signed, marks are made of all signatures, and rules decide on the marks."""

from curator.dedup.dedup_datasets import DedupDatasets
from curator.dedup.dedup_documents import DedupDocuments
from curator.dedup.dedup_sentences import DedupSentences

DEDUP = {"dedup_datasets": DedupDatasets, "dedup_documents": DedupDocuments, "dedup_sentences": DedupSentences}
