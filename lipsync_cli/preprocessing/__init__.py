"""Clips to stores: frames, faces, mels, packs."""
