"""N-gram language models: estimated, stored in KenLM's format, and asked for the probability of text.

Read in the order of the data: `tokens` (text to tokens), `counting` (tokens to n-grams), `kneser_ney` (n-grams to
probabilities), `arpa` and `binary` (to files), `artefact` (a model's folder and its manifest), `train`, `scoring`.
"""
