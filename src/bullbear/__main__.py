"""`python -m bullbear` is the command `bullbear`."""

from bullbear.cli import main

if __name__ == "__main__":
    main()
