"""A lost second factor: two people of the office end it, and the person sets up a new one."""
