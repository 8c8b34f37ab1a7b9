"""The way of a request: laid out, batched, answered, recorded; and what looks on."""
