"""Another face on the heads of a film, frame by frame, before anything else is drawn."""
