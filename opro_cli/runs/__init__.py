"""Runs on disk: recorded, locked, resumed, replayed; and the execution of many."""
