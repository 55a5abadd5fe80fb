"""First presets for somebody's own work, written from a function's source or from a data file."""
