"""The commands about presets: list, show, copy, write and check them."""
