# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m tailwalk`, and the program `tailwalk`."""

import signal


def main() -> None:
    """Run the command line."""
    # Imports take a moment, in which an interrupt would end in a trace; Python's own do before.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tailwalk.cli import main as run

    run()


if __name__ == "__main__":
    main()
