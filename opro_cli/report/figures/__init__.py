"""Figures: numbers first, then elements. One drawing code for page, file and notebook."""
