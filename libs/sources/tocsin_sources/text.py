"""Make text of others plain text (E6, "HTML made safe"): what is shown is never markup.

Tags of HTML are taken out, by name: `<no value>`, `List<int>`, `< 40 %` and `<error expanding template: …>` are the sender's
words and stay. Entities are read only where there were tags. The page still never renders text as HTML; this is for the
readers of chats, mails and logs.
"""

import html
import re

from tocsin_contracts.alert import DESCRIPTION_MAX, TITLE_MAX

_CONSIDERED = 4
"""Markup may take this many times the room of the text that is kept; what lies behind is not read."""
_NAMES = (
    "a|abbr|address|article|aside|audio|b|base|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|details|"
    "div|dl|dt|em|embed|fieldset|figure|font|footer|form|frame|frameset|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|"
    "label|li|link|main|marquee|math|meta|nav|noscript|ol|option|p|pre|samp|script|section|select|small|span|strike|strong|"
    "style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|title|tr|tt|u|ul|video"
)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])\s*>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_NAMES})(?=[\s/>])[^<>]*>", re.IGNORECASE)  # no "<" inside: linear, whatever the text
_LEFT_OVER = re.compile(rf"<(?=/?(?:{_NAMES})[\s/>])", re.IGNORECASE)


def plain(text: str) -> str:
    """Take the tags of HTML out of a text; a text without any is returned as it is.

    What still looks like a tag afterwards, because somebody nested them, has its bracket set apart: no result holds a tag
    that a browser would see, and a second pass changes nothing.
    """
    if "<" not in text:
        return text
    bare = _TAG.sub("", _BREAK.sub("\n", text))
    if bare == text:
        return _LEFT_OVER.sub("< ", text)
    return _LEFT_OVER.sub("< ", html.unescape(bare))


def title_of(text: str | None) -> str | None:
    """Make a title: plain, on one line, single spaces; None where nothing is left."""
    if text is None:
        return None
    return " ".join(plain(text[: TITLE_MAX * _CONSIDERED]).split()) or None


def description_of(text: str | None) -> str | None:
    """Make a description: plain, lines kept; None where nothing is left."""
    if text is None:
        return None
    return plain(text[: DESCRIPTION_MAX * _CONSIDERED]).strip() or None
