"""A conversation in a terminal (`murascope chat`).

talk.py      the conversation: what is typed, what is shown, when to leave
cards.py     an item of the conversation as lines of text
progress.py  the events of a run as one line
screen.py    what is written and read: a prompt with a line of progress above it, or plain lines where no terminal is
words.py     the words that only a terminal says
"""
