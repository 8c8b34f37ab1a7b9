"""The whole way there and back, in one command: from the applications to a certificate of erasure.

python walk.py

Types the commands of README.md one after another, with a server and a branch office beside them, and
stops both at the end. Everything that it makes lies in this folder: .towpath, the data, the certificate.
Run again, it does only what is not done yet.
"""

import contextlib
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOWPATH = [sys.executable, "-m", "towpath"]
WHERE = HERE / ".towpath" / "run" / "up.json"
STARTS_WITHIN_S = 240.0


def type_in(line: str, **known: str) -> str:
    """Run one command, showing it as it is typed, and return what it prints."""
    for name, value in known.items():
        line = line.replace(name, value)
    print(f"$ {line}", flush=True)
    command, _, target = line.partition(" > ")
    program, *words = shlex.split(command)
    arguments = [*TOWPATH, *words] if program == "towpath" else [sys.executable, *words]
    done = subprocess.run(  # noqa: S603 -- commands that stand in this file
        arguments, cwd=HERE, stdout=subprocess.PIPE, text=True, check=True
    )
    if target:
        (HERE / target).write_text(done.stdout)
    else:
        print(done.stdout, end="", flush=True)
    return done.stdout


@contextlib.contextmanager
def beside(line: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as in a second terminal, and end it at the end."""
    print(f"$ {line} &", flush=True)
    with (HERE / "beside.log").open("ab") as log:
        started = subprocess.Popen(arguments, cwd=HERE, stdout=log, stderr=log)  # noqa: S603 -- likewise
    try:
        yield started
    finally:
        started.terminate()
        started.wait()


def gateway_of(up: subprocess.Popen[bytes]) -> str:
    """Return where predictions are asked for, once the server says so."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and up.poll() is None:
        if WHERE.exists():
            where = json.loads(WHERE.read_text())
            if where["pid"] == up.pid:
                return str(where["gateway"])
        time.sleep(0.1)
    sys.exit("towpath up did not start: see beside.log")


def refused(said: str) -> tuple[str, str]:
    """Return the applicant who was refused last, and the decision."""
    found = re.findall(r"^(\S+) is refused: (\S+)$", said, re.MULTILINE)
    if not found:
        sys.exit("nobody was refused")
    person, decision = found[-1]
    return person, decision


def main() -> None:
    """Train, serve, decide, explain, forget, and prove it."""
    type_in("python make_applications.py")
    type_in("towpath dataset add applications applications.parquet")
    type_in("towpath run")
    type_in("towpath apply")
    ports = ("--server-port", "0", "--gateway-port", "0")  # any that are free
    with beside("towpath up", *TOWPATH, "up", *ports) as up:
        gateway = gateway_of(up)
        said = type_in("python ask.py GATEWAY --count 120", GATEWAY=gateway)
        person, decision = refused(said)
        type_in("towpath decision explain DECISION_ID --as letter", DECISION_ID=decision)
        with beside(f"python ask.py {gateway}", sys.executable, "ask.py", gateway):
            type_in("towpath erase applicant=PERSON --dry-run", PERSON=person)
            told = type_in("towpath erase applicant=PERSON --yes", PERSON=person)
        type_in("python ask.py GATEWAY --count 120", GATEWAY=gateway)
    erasure = re.findall(r"^erasure (\S+)$", told, re.MULTILINE)[-1]
    (HERE / "certificate.json").unlink(missing_ok=True)
    type_in("towpath erasure certificate ERASURE_ID > certificate.json", ERASURE_ID=erasure)
    type_in("towpath audit key > key.pem")
    type_in("towpath audit verify certificate.json --offline --public-key key.pem")


if __name__ == "__main__":
    main()
