"""The ground: events, the protocols of problem, model and optimizer, and the loop of a run."""

__version__ = "0.1.0"
