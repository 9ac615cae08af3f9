# Fetches one commit from the repository bound read-only into the sandbox.
set -euo pipefail
fail() { echo "::error title=actions/checkout::$1"; exit 1; }
[ "${WANTED_REPOSITORY,,}" = "${GITHUB_REPOSITORY,,}" ] \
  || fail "only $GITHUB_REPOSITORY can be checked out here, not $WANTED_REPOSITORY"
case "/$INTO/" in */../*) fail "path $INTO leads out of the workspace" ;; esac
ignored() { echo "::warning title=actions/checkout::$1 is ignored here: the tree is as git has it, whole"; }
case "$SUBMODULES" in true | recursive) ignored submodules ;; esac
[ "$LFS" != true ] || ignored lfs
[ -z "$SPARSE" ] || ignored sparse-checkout
wanted=${WANTED_REF:-$GITHUB_SHA}
mkdir -p "$GITHUB_WORKSPACE/$INTO"
cd "$GITHUB_WORKSPACE/$INTO"
git init --quiet .
git remote add origin file://$LOCALHUB_ROOT/repository.git 2>/dev/null || git remote set-url origin file://$LOCALHUB_ROOT/repository.git
depth=()
[ "$DEPTH" = 0 ] || depth=(--depth "$DEPTH")
tags=--no-tags
[ "$TAGS" = true ] && tags=--tags
if [ "$DEPTH" = 0 ]; then
  git fetch --quiet --tags origin '+refs/heads/*:refs/remotes/origin/*'
fi
git fetch --quiet "$tags" "${depth[@]}" origin "$wanted" 2>/dev/null \
  || fail "there is no $wanted in $WANTED_REPOSITORY"
commit=$(git rev-parse FETCH_HEAD)
branch=${WANTED_REF:-$GITHUB_REF}
case "$branch" in
  # So that `git describe` finds the tag that was pushed.
  refs/tags/*) git fetch --quiet "${depth[@]}" origin "+$branch:$branch" ;;
esac
if git ls-remote --exit-code origin "refs/heads/$branch" >/dev/null; then
  branch=refs/heads/$branch # named in short: on GitHub, too, the branch itself is checked out
fi
case "$branch" in
  refs/heads/*) git checkout --quiet --force -B "${branch#refs/heads/}" FETCH_HEAD ;;
  *) git checkout --quiet --force --detach FETCH_HEAD ;;
esac
echo "HEAD is now at $(git log -1 --format='%h %s')"
echo "commit=$commit" >>"$GITHUB_OUTPUT"
echo "ref=$branch" >>"$GITHUB_OUTPUT"
