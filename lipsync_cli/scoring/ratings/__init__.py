"""People's ratings of videos: the page on which they are given, and what they say."""
