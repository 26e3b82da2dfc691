"""The options of whole jobs: one field each, from which the command line, files and the docs are made."""
