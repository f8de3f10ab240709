"""What is remembered: conversations, plans, runs and data sets, in SQLite or PostgreSQL."""
