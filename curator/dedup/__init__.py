"""Deduplication: every document is signed, marks are made of all signatures, and rules decide on the marks."""

from curator.dedup.dedup_documents import DedupDocuments

DEDUP = {"dedup_documents": DedupDocuments}
