"""Documents to token shards: vocabulary (train a tokenizer), encode, mixture (plan), packing (materialise), shards (contract 3)."""
