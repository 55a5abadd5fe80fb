"""Events on a screen: a live table, plain lines, JSON lines, or nothing."""

from opro_cli.display.base import KINDS, Display, Guarded, Silent, Watched, choose

__all__ = ["KINDS", "Display", "Guarded", "Silent", "Watched", "choose"]
