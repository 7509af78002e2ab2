"""Speed, measured against something else in the same run. One command per line of docs/speed.md."""
