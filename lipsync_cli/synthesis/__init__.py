"""A generator over a whole clip, as a stream."""
