"""Models of OpenAI, and of every server with the same protocol."""

OWN = "https://api.openai.com/v1"
"""OpenAI's own server."""
