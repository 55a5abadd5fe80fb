"""Models that run in this process, through llama.cpp."""
