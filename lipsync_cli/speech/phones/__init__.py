"""Speech sounds as the International Phonetic Alphabet writes them: what they are, how words are said, and when."""
