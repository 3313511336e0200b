"""Two curations, one model: which corpus teaches it more.

Read in this order: `arms` (each recipe to its documents and token shards, with one tokenizer), `held_out` (what both are judged
on, none of it in either), `judge` (the loss of every document), `compare` (the difference and how sure it is), `ablate`.
"""
