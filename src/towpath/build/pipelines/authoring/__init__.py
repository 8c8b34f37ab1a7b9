"""What a project's author writes: steps, pipelines, and the graphs that they make."""
