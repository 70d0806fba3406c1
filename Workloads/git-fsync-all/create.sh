#!/bin/sh
# An empty repository without the sample hooks; git makes its branch with the first commit.
set -e
. ./environment.sh
git_here init --quiet --template= --initial-branch=main
