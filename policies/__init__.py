"""The Pulumi policy pack: an adapter from resource properties to the rules of the core, and nothing else."""
