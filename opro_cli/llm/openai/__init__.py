"""Models of OpenAI, and of every server with the same protocol."""
