"""A problem made of the user's own Python function."""
