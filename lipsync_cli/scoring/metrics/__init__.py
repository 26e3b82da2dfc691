"""One figure a file or a family a file: each a pure function, and how it is declared to `lipsync score`."""
