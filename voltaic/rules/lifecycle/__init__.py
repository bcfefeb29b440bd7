"""Rules: how a server is started, replaced, watched and ended."""
