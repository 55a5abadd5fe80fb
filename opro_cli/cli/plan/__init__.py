"""A plan before it starts: printed instead of started, or in a few lines before it starts."""
