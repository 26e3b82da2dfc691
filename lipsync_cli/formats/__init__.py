"""Files between the commands: HDF5 stores, packs, weights, ONNX."""
