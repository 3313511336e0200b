"""From raw dumps to the corpus that a language model is pretrained on, and to the model."""

__version__ = "0.1.0"
