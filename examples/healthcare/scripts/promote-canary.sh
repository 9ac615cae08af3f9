#!/usr/bin/env bash
# Give everybody the version on trial, past all canary steps that are left:
# ./scripts/promote-canary.sh production ["why"]
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: $0 ENVIRONMENT [REASON]" >&2
  exit 2
fi
exec carelane -C "$(dirname "$0")/.." rollout promote "$1" --full --wait \
  --reason "${2:-promoted by ${USER:-$(id -un)}, by script}"
