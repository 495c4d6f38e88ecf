# SPDX-License-Identifier: GPL-2.0-or-later
"""What was found, in tables and words; nothing here measures or judges.

A `..._shown` builds what can be shown of a thing, once for every medium (`grid`); `terminal`,
`mail`, `markdown`, `data` and `page` render it. Whoever uses one needs the libraries of that one
alone: rich for a terminal, Jinja for pages.
"""
