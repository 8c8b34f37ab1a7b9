"""Writes to an online store until it is killed; says on standard output how far it is.

python dying_writer.py URL publish|put|update
"""

from __future__ import annotations

import struct
import sys

from towpath.storage.online import open_online

ROWS = 2000


def rows(turn: int) -> list[tuple[bytes, bytes]]:
    value = struct.pack(">QQ", turn, 0) + str(turn).encode()
    return [(f"{number:05}".encode(), value) for number in range(ROWS)]


def main(url: str, verb: str) -> None:
    store = open_online(url)
    for turn in range(1, 1_000_000):
        if verb == "publish":
            with store.begin("weather") as draft:
                for at in range(0, ROWS, 500):
                    draft.write(rows(turn)[at : at + 500])
                draft.publish(str(turn).encode())
        elif verb == "put":
            store.put("weather", [(f"put-{turn}".encode(), struct.pack(">QQ", turn, 0))])
        else:
            head = store.head("weather")
            assert head is not None
            body = str(turn).encode()
            store.update("weather", rows(turn), generation=head.generation, body=body)
        print(turn, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
