"""The VRAM bill: weights, KV cache, activations, context and budget, per GPU."""
