"""Changes of stack files: asked for in words, judged before and after, written as a whole, and undone."""
