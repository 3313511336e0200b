"""Invented values: private ones by type, and what looks like them."""
