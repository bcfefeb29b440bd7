"""Rules: what is asked of the GPUs of a pod, and what uses them."""
