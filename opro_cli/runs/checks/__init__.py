"""Checks of recorded runs: everything computed again, and what must follow from the rest."""
