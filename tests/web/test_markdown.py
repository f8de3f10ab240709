"""What the assistant says becomes HTML that can do no harm."""

import pytest

from web.markdown import to_html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://evil.example/a.png)",
        "[x](javascript:alert(1))",
        "<b style='x'>a</b>",
        "[x](data:text/html,hi)",
    ],
)
def test_nothing_active_comes_through(text: str) -> None:
    html = to_html(text)
    for tag in ("<script", "<img", "<b ", 'href="javascript', 'href="data'):
        assert tag not in html


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/?q=1",
        "//evil.example",
        "//evil",
        "https:evil.example",
        "mailto:a@b.example",
        "/\\evil.example",
        "/data?x=1",
        "data",
        "",
    ],
)
def test_only_our_own_pages_are_linked(address: str) -> None:
    for text in (f"[here]({address})", f"<{address}>", f"[here][1]\n\n[1]: {address}"):
        assert "href" not in to_html(text)
    assert 'href="/data"' in to_html("[Data page](/data)")


def test_tables_lists_and_emphasis_are_kept() -> None:
    html = to_html("**bold**\n\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |")
    for piece in ("<strong>bold</strong>", "<li>a</li>", "<td>2</td>"):
        assert piece in html


def test_what_can_be_said_is_a_button_that_says_it_in_our_own_words_alone() -> None:
    text = 'Say *train "PaDiM" on <b>oled* or *stop it*'
    html = to_html(text, can_be_said=True)
    assert 'data-say="train &quot;PaDiM&quot; on &lt;b&gt;oled"' in html
    assert html.count("<button") == 2
    assert "<button" not in to_html(text)
