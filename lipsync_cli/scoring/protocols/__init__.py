"""What is scored and against what: packs, videos, folders of videos."""
