"""Documents to token shards: vocabulary (train or load), encode, mixture (plan), packing (materialise), shards (contract 3)."""
