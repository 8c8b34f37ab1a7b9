"""What happens in a step's own process, and to the files that it leaves there."""
