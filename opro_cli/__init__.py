"""Language models as optimizers (OPRO: Optimization by PROmpting, arXiv 2309.03409)."""

__version__ = "0.1.0"
