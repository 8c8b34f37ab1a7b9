"""The reverse path: from a decision back to rows, and the erasure that mends what it finds."""
