"""What tagging is made of: schemes of tags, sentences, features of words, chains, scores."""
