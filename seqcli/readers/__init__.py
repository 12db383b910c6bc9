"""Files and stdin become typed columns."""
