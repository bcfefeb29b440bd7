"""A stack at one moment: pods, GPUs, what engines say of themselves; as lines, as a document, as rows of a file."""
