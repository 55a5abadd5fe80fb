"""The commands of ``opro models``."""
