"""Deploying and taking down a stack: Pulumi run with the policy pack, and everything told while it happens."""
