# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m tailwalk`."""

from tailwalk.cli import main

if __name__ == "__main__":
    main()
