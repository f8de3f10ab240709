"""The pages and sockets: FastAPI, Jinja2 and our own ES modules."""
