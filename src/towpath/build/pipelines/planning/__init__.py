"""From a pipeline and its parameters to what a run will do: pinned, chosen, outlined."""
