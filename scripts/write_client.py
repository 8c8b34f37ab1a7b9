"""Write `towpath.client.synchronous` from `towpath.client.asynchronous`: one source for both faces.

What the two share has no word on waiting and lies in modules of its own; what is left differs in a dozen
words, which are put in each other's place here. Run it after changing the asynchronous client; a test
compares.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parent.parent / "src" / "towpath" / "client"
SOURCE, WRITTEN = CLIENT / "asynchronous.py", CLIENT / "synchronous.py"
_HEAD = '''"""The client of programs that wait for their answers.

Written by scripts/write_client.py from the asynchronous one; don't edit.
"""
'''
_WORDS = {
    r"\basync def\b": "def",
    r"\bawait ": "",
    r"\bAsync(Client|BaseTransport)\b": r"\1",
    r"\bfrom asyncio import sleep\b": "from time import sleep",
    r"\b__a(enter|exit)__": r"__\1__",
    r"\baclose\b": "close",
    r"one program, from one event loop; connections": "one program. Thread-safe; connections",
}


def written() -> str:
    """Return the synchronous client, as the asynchronous one says it."""
    text = SOURCE.read_text(encoding="utf-8")
    text = _HEAD + text[text.index('"""\n', 3) + 4 :]
    for pattern, word in _WORDS.items():
        text, count = re.subn(pattern, word, text)
        if not count:
            raise ValueError(f"{SOURCE.name} says nothing of {pattern} any more")
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(WRITTEN), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    WRITTEN.write_text(written(), encoding="utf-8")
