"""Heuristics of the travelling salesman problem, which build tours from distances."""
