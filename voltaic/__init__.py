"""The core of voltaic: will this model start, and fit, on these GPUs with this engine?"""
