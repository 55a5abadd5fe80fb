"""Instructions for a language model: data sets, their split, and metrics that grade replies.

Everything here is pure, except ``files``, which reads one file of data.
"""
