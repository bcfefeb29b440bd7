"""Rules: the chat page in front of a server."""
