"""Words in place of a sound, or spoken: what `infer` makes of files of text."""
