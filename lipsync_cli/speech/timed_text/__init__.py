"""Files that say what is said when: subtitles, transcripts of words, and the output of aligners."""
