"""Markdown of the assistant to HTML that can do no harm: no raw HTML, no images, no address but of our own pages, an allow-list of tags."""

import re
from html import escape, unescape

import nh3
from markdown_it import MarkdownIt

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
OWN_PAGE = re.compile(r"/(?:[\w\-]+(?:/[\w\-]+)*)?")
PHRASE = re.compile(r"<em>([^<>]{1,200})</em>")
PARSER = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")


def to_html(text: str, *, can_be_said: bool = False) -> str:
    """Safe HTML of a Markdown text. Only our own pages are linked: an address out of them stands there as text, or not at all.

    `can_be_said`: what stands between asterisks becomes a button that says it. For our own words alone: an LLM makes no buttons.
    """
    safe = nh3.clean(
        PARSER.render(text),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        attribute_filter=_own_page,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return PHRASE.sub(_button, safe) if can_be_said else safe


def _own_page(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute that may stay; an address only where it is a page of ours."""
    return value if name != "href" or OWN_PAGE.fullmatch(value) else None


def _button(phrase: re.Match[str]) -> str:
    said = escape(unescape(phrase[1]))
    return f'<button type="button" class="say" dir="auto" data-say="{said}">{said}</button>'
