"""vLLM: facts by release, command line, choice of engine and support."""
