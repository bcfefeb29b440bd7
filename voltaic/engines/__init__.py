"""Inference engines: capability matrix, command line and memory semantics, one module each."""
