"""aiosmtpd, which becomes an ordinary user by itself; its arguments are those of the program."""

# Used with the first connection, and perhaps not to be read by that user.
import encodings.idna  # noqa: F401
import sys

from aiosmtpd.main import main

main(sys.argv[1:])
