"""Options: how they are declared, completed, shown and turned into overrides of a preset."""
