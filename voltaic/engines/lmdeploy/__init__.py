"""LMDeploy: facts, command line and meaning of memory. Only its TurboMind engine is judged."""
