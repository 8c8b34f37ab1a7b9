"""Versions that are written in pieces: each durable when it is written, all of them seen at once."""
