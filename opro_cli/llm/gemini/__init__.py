"""Models of Google: the Gemini Developer API and Vertex AI."""
