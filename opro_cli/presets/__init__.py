"""Presets: experiments as YAML files, from the file to the list of runs."""
