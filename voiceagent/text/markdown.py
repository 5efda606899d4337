"""Markdown to plain prose: what a reader would say, with full stops where the layout made the pauses.

CommonMark with tables and strikethrough, by markdown-it-py. Headings, list items and table rows become
sentences; a list's numbers are kept ("1. Stir" -> "1, Stir"), for "4." may be the answer and not a list. Text may
begin or end inside a construct: what does not parse stays as it is, signs included.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_TAG = re.compile(r"<[^<>]{0,500}>")
# "[text](http://..." cut off before its closing bracket.
_HALF_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*$")
# "2*3" is arithmetic, not emphasis.
_TIMES = re.compile(r"(?<=[0-9)]) ?\* ?(?=[0-9(])")
_FINAL_MARKS = ".!?:;,…。！？、，：；"


def plain(text: str) -> str:
    """Return the prose of a markdown text, on one line. The last block gets a full stop if a line break ends it."""
    source = _INDENT.sub("", _TIMES.sub(" × ", text))
    blocks = [block for block in map(_one_line, _blocks(_HALF_LINK.sub(r"\1", source))) if block]
    whole = len(blocks) if text.rstrip(" \t").endswith("\n") else len(blocks) - 1
    return " ".join(block + _stop(block) if index < whole else block for index, block in enumerate(blocks))


def _blocks(text: str) -> list[str]:
    blocks: list[str] = []
    row: list[str] | None = None
    number = ""
    for token in _PARSER.parse(text):
        match token.type:
            case "list_item_open":
                number = token.info
            case "list_item_close" if number:
                blocks.append(f"{number}.")
                number = ""
            case "tr_open":
                row = []
            case "tr_close":
                blocks.append(", ".join(cell for cell in row or [] if cell))
                row = None
            case "inline" if row is not None:
                row.append(_inline(token.children or []))
            case "inline":
                blocks.append((f"{number}, " if number else "") + _inline(token.children or []))
                number = ""
            case "fence" | "code_block":
                blocks.extend(token.content.splitlines())
            case "html_block":
                blocks.append(_TAG.sub(" ", token.content))
    return blocks


def _inline(tokens: list[Token]) -> str:
    said = []
    for token in tokens:
        match token.type:
            case "text" | "text_special" | "code_inline":
                said.append(token.content)
            case "softbreak" | "hardbreak" | "html_inline":
                said.append(" ")
            case "image":
                said.append(_inline(token.children or []))
    return "".join(said)


def _one_line(block: str) -> str:
    return " ".join(block.split())


def _stop(block: str) -> str:
    return "" if block.rstrip("\"'”’)*_~`")[-1:] in _FINAL_MARKS else "."
