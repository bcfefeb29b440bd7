"""How `voltaic doctor` and `voltaic logs --doctor` gather evidence and say what they found."""
