"""Models of Google: the Gemini Developer API and Vertex AI."""

OWN = ("https://generativelanguage.googleapis.com", "https://aiplatform.googleapis.com")
"""The servers of the Developer API and of Vertex AI."""
