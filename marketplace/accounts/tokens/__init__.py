"""API tokens: one person's hat, lent to a program for a time and for some deeds."""
