"""Videos from faces and speech: one speech, many messages, adapting to the source video first."""
