"""The HDF5 files between the verbs: schema, writers that can be killed, pack, reader, batches."""
