"""What data cannot say of how a family's configuration is read: one module for each kin, loaded when it is needed."""
