"""The assistant for other agents, over the Model Context Protocol: its tools as an LLM gets them, without a yes.

    server.py      what is listed, called and answered
    rooms.py       which conversation a session's calls stand in, and at what address people find it
    unreadable.py  what a line over stdio is answered that is no message

The SDK takes a while to load: nothing outside this room names it, and who does not serve agents never loads it. Over stdio
`assistant/cli/mcp.py` serves it, over HTTP `web/agents.py`.
"""
