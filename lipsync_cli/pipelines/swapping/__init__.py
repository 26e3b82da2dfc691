"""Another face on a head of a video: options, and the whole job."""
