"""What the publication check is made of: later publication, early factors, revisions and rows stored too early."""
