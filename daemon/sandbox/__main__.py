"""`python -m daemon.sandbox`."""

from daemon.sandbox.command import main

raise SystemExit(main())
