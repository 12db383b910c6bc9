"""Parts of the tasks that hear: sound as an input, transcripts, and how they are found and scored."""
