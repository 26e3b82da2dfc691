"""Where frames come from, and which of them is shown when."""
