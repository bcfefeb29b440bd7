"""Load on a server, and what comes of it: `voltaic bench`."""
