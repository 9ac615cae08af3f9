#!/usr/bin/env bash
# Put a release beside the present one, check it, and switch all users at once:
# ./scripts/blue-green-deploy.sh production v2.0 ["why"]. What was there stays warm for a way back.
set -euo pipefail
if [ $# -lt 2 ]; then
  echo "usage: $0 ENVIRONMENT RELEASE [REASON]" >&2
  exit 2
fi
exec carelane -C "$(dirname "$0")/.." deploy "$1" --release "$2" --strategy blue-green --wait \
  --reason "${3:-blue-green by ${USER:-$(id -un)}, by script}"
