"""The files in a run's directory: strict readers of what anybody may have written there."""
