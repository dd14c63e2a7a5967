#!/usr/bin/env bash
# Builds the documentation site, guide and API reference with search, in build/site; fails where a
# public name is not documented or a link leads nowhere.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

command -v doxygen > /dev/null || scripts/install_dependencies.sh docs
mkdir -p build
rm -rf build/site
doxygen docs/Doxyfile > build/site.log 2>&1 || { cat build/site.log >&2; exit 1; }
# What the policy concepts ask for is documented with the concepts, once.
interface='validate|direction|reads|points|point|visits|slice|share|combine|remembers|at_theta|apply'
interface+='|after_base|frequency|metric|fields|traits|Options|operator\(\)'
if grep -vE "Member ($interface)(\(| )" build/site.log; then
  echo "docs.sh: the names above are not documented, or badly" >&2
  exit 1
fi
# A link whose text runs over two lines makes Doxygen show its commands and tables as text.
if grep -lE '@ref |&lt;(table|tr|a) ' build/site/md_*.html build/site/index.html; then
  echo "docs.sh: the pages above show markup as text" >&2
  exit 1
fi
echo "build/site/index.html"
