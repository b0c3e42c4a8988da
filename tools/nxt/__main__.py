import sys

from nxt.cli import main

sys.exit(main())
