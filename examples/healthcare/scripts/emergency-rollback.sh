#!/usr/bin/env bash
# Leave a bad version at once: ./scripts/emergency-rollback.sh production ["why"]
# Order: check what to go back to, switch all traffic in one change, verify health and version, scale the
# bad version down, notify. Each part is timed and recorded; a review within 48 hours is required.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: $0 ENVIRONMENT [REASON]" >&2
  exit 2
fi
exec carelane -C "$(dirname "$0")/.." emergency-rollback "$1" \
  --reason "${2:-emergency rollback by ${USER:-$(id -un)}, by script}"
