"""Rules about what owners of objects live with."""
