"""A supervisor with two children: one that answers on a socket with its process id, one that is stubborn.

    python supervised_program.py HOME

Prints the address of the socket. The stubborn child doesn't heed SIGTERM.
"""

import os
import signal
import socket
import sys
from pathlib import Path

from towpath.app import supervising
from towpath.app.listening import inherit_listener, open_listener, url_of
from towpath.app.supervising import Child, Supervisor, Whereabouts, die_with

HOST = "127.0.0.1"


def supervise(home: Path) -> None:
    supervising._GRACE_S = 0.2  # the stubborn child is not worth a test of ten seconds
    with Supervisor(home) as supervisor:
        listener = open_listener(HOST, 0)
        url = url_of(listener)
        me = [sys.executable, __file__, str(home), str(os.getpid())]
        supervisor.announce(Whereabouts(pid=os.getpid(), server=url, gateway=url))
        print(listener.getsockname()[1], flush=True)
        supervisor.run(
            [
                Child("answering", [*me, str(listener.fileno())], (listener.fileno(),)),
                Child("stubborn", me),
            ]
        )


def answer(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(str(os.getpid()).encode())


def stay(home: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (home / "stubborn").write_text(str(os.getpid()))
    while True:
        signal.pause()


match sys.argv[1:]:
    case [home]:
        supervise(Path(home))
    case [_, parent, fd]:
        die_with(int(parent))
        answer(inherit_listener(int(fd)))
    case [home, parent]:
        die_with(int(parent))
        stay(Path(home))
