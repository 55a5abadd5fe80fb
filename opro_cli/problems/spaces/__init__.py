"""Spaces of points: named coordinates, and tours."""
