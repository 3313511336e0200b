"""Classifiers of quality: tokens, training with its evidence, the artefact, fast scoring. Knows texts, not files of them."""
