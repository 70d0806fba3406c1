#!/bin/sh
# An empty repository; git makes its branch with the first commit.
set -e
. ./environment.sh
git_here init --quiet --initial-branch=main
