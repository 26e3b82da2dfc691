"""From what the network drew to pixels of the frame."""
