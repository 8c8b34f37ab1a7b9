"""One message to a chat, in the form of Slack's incoming webhooks: blocks, and plain text beside.

Mattermost, Rocket.Chat and others that take the same form show the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.digests import canonical_json
from towpath.core.errors import UsageError
from towpath.operate.webhooks.sending import post

if TYPE_CHECKING:
    from towpath.operate.webhooks.messages import Message

_HEADER_MOST = 150
_SECTION_MOST = 2900  # Slack takes 3,000
_BAD_REQUEST = range(400, 500)


def chat_message(message: Message) -> dict[str, Any]:
    """Return the body to post. What people wrote in names can't call anybody: `<!channel>` is text."""
    lines = "\n".join(f"*{_escaped(label)}:* {_escaped(text)}" for label, text in message.lines)
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": message.title[:_HEADER_MOST]},
        },
        {"type": "section", "text": {"type": "mrkdwn", "text": lines[:_SECTION_MOST] or "–"}},
    ]
    if message.link:
        link = {"type": "mrkdwn", "text": f"<{message.link}|Open in Towpath>"}
        blocks.append({"type": "context", "elements": [link]})
    return {"text": _escaped(message.plain())[:_SECTION_MOST], "blocks": blocks}


def send_chat(message: Message, *, url: str, private: bool) -> None:
    """Post a message once.

    Raises:
        Unavailable: The chat did not answer, or asks for another try later.
        UsageError: The address leads into the private network, or the chat refuses for good.
    """
    headers = {"content-type": "application/json; charset=utf-8"}
    code = post(canonical_json(chat_message(message)), headers=headers, url=url, private=private)
    if code in _BAD_REQUEST:
        raise UsageError(
            f"the chat refused a message with status {code}",
            remedy="Make a new incoming webhook there, and put it into the environment.",
        )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


__all__ = ["chat_message", "send_chat"]
