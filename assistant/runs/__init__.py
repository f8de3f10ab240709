"""Trainings: the queue in the database, the supervisor that works it off, and the replay of what they report."""
