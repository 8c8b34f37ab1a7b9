"""What a commit changes: drafted against the version before, laid over it, folded, profiled."""
