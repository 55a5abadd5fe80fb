"""The commands of ``opro runs``, which look at stored runs."""
