"""``python -m minicnn`` is the command ``minicnn``."""

from .cli import main

if __name__ == "__main__":
    main()
