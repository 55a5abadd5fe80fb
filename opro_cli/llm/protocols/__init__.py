"""Models behind protocols of their own: Anthropic's, and Amazon Bedrock's.

``pydantic-ai-slim`` knows what each model takes, makes the requests and signs them. Every answer is
read here, from its bytes, so that no reply that was paid for is lost where it cannot read one.
"""

OWN = "https://api.anthropic.com"
"""Anthropic's own server."""

INSTALL = "pip install 'opro-cli[providers]'"
