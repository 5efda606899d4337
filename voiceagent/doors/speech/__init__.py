"""What doors without a conversation share: audio in, transcripts out; text in, audio out. It knows no protocol."""
