"""Runs passes over shards: knows batches, never text."""
