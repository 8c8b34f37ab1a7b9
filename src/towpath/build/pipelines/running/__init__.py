"""A run under way: what may start, what is going on, what each end means, what is recorded."""
