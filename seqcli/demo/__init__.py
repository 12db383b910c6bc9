"""Made data and a guided tour: what a newcomer can run before having a file of their own."""
