"""Files to arrays and back: the only room that knows FFmpeg.

Pictures are RGB, (H, W, 3) uint8, as shown (rotated upright). Sound is float32 in [-1, 1]. Times are exact fractions of
a second counted from the moment the first video frame is shown.
"""
