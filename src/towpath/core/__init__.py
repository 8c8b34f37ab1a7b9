"""Names, errors, digests, settings and time: the words every layer shares. No I/O."""
