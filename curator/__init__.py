"""From raw dumps to the corpus that a language model is pretrained on, and to the model."""

from curator.kernels import keep_code

__version__ = "0.1.0"

keep_code()
