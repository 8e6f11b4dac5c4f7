"""Who may read what, as `docs/who-may-read-what.md` says: every view for every reader."""
