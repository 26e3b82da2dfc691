"""Speech as the models hear it: log-mel spectrograms and the window that belongs to one video frame."""
