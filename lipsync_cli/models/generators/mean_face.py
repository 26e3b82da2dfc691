"""The mean face that talking heads are aligned to, until weights say otherwise."""

HEIGHT, WIDTH = 128, 96  # pixels of an aligned face
# Under the nose, and the corners of the eyes (33, 36, 39, 42 and 45 of iBUG's 68 points), x and y in pixels: the mean
# of the means of 33 people, mirrored and averaged. Outer corners of the eyes 57 pixels apart, chins at 101 to 122.
MEAN_FACE = ((48.0, 64.31), (19.5, 34.0), (35.77, 34.57), (60.23, 34.57), (76.5, 34.0))
