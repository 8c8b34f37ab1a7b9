"""Benchmarks: ours beside a peer and the physical limit, interleaved in one run, printed as ratios."""
