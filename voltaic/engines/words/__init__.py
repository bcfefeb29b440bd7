"""Command lines of engines whose options are a plain table: read as their programs do, and written."""
