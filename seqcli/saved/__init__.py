"""What :mod:`seqcli.model_dir` is made of; nothing else imports from here."""
