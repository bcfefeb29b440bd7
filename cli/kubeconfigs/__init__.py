"""Kubeconfigs taken over into one's own: what would change, and the text that has it changed, comments and all."""
