"""Loss terms, each a pure function of tensors."""
