"""Rules: what a server needs of its node beside GPUs."""
