"""`python -m daemon` is `consentio-sync`."""

from daemon.cli import main

main()
