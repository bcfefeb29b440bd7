"""Sets up a checkout: the Python environment, the tools that it runs, and a shell in which they work.

Runs under the machine's own Python with the standard library alone, from the root of the checkout:
``python3 -m toolchain.setup all``. Nothing outside the checkout and the per-user cache is written.
"""
