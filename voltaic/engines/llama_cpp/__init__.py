"""llama.cpp's server: facts, command line, GGUF weights and meaning of memory."""
