"""``python -m carelane.platforms.envoy.xds FOLDER``."""

import asyncio
import logging
import sys
from pathlib import Path

from carelane.platforms.envoy.xds.server import serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="[%(levelname)s] %(message)s")
    asyncio.run(serve(Path(sys.argv[1])))
