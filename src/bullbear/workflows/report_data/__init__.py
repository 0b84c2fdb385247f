"""What the sections of the report show, read as it was known when the forecast was decided."""
