"""Rules: where images, models and keys come from, and who may reach the server."""
