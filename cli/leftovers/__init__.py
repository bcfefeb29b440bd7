"""What stacks left behind: in the cluster without a stack that knows it, and on this machine."""
