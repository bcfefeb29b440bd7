"""Text Generation Inference: facts by release, command line, dispatch and support."""
