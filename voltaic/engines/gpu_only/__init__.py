"""Engines of which is known on which GPUs they start, and nothing else."""
