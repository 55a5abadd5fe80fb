"""OPRO: optimization by prompting a language model (arXiv 2309.03409)."""
