#!/usr/bin/env bash
# What `kubectl apply -f k8s/ENVIRONMENT/` applies, made anew from overlays/: ./render.sh [FOLDER], here by default.
set -euo pipefail
cd "$(dirname "$0")"
target="${1:-.}"
for environment in development staging production canary; do
  file=healthcare.yaml
  if [ "$environment" = canary ]; then file=canary-deployment.yaml; fi
  mkdir -p "$target/$environment"
  rendered="$(kubectl kustomize "overlays/$environment")"
  printf '# Rendered by ../render.sh from ../overlays/%s: change that, and render.\n%s\n' "$environment" "$rendered" \
    >"$target/$environment/$file"
done
