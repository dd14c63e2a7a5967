#!/usr/bin/env bash
# Builds the documentation site, guide and API reference with search, in build/site; fails where a
# public name is not documented or a link leads nowhere. Needs Doxygen, doxygen-awesome-css and
# mkdocs-material, which it installs.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

scripts/install_dependencies.sh docs
rm -rf build/{site,pages,doxygen}
mkdir -p build/pages build/doxygen

# The reference, in the colours of doxygen-awesome, with a way back to the guide.
doxygen -w html build/doxygen/header.html build/doxygen/{footer.html,style.css}
doxygen -l build/doxygen/layout.xml
sed -i '/<\/head>/e cat docs/site/reference_head.html' build/doxygen/header.html
sed -i 's|<navindex>|&<tab type="user" url="../index.html" title="Guide"/>|' build/doxygen/layout.xml
cp docs/Doxyfile build/doxygen/Doxyfile
# Doxygen 1.9.5 and newer has a dark style of its own.
doxygen -g - | sed -n 's/^HTML_COLORSTYLE .*/HTML_COLORSTYLE = LIGHT/p' >> build/doxygen/Doxyfile
doxygen build/doxygen/Doxyfile > build/reference.log 2>&1 || { cat build/reference.log >&2; exit 1; }
# What the policy concepts ask for is documented with the concepts, once.
interface='validate|direction|reads|points|point|visits|slice|share|combine|remembers|at_theta|apply'
interface+='|after_base|frequency|metric|fields|traits|Options|operator\(\)'
if grep -vE "Member ($interface)(\(| )" build/reference.log; then
  echo "docs.sh: the names above are not documented, or badly" >&2
  exit 1
fi

# The guide: pages where they lie, so that their links hold here as in any viewer of Markdown.
cp --parents README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs/*.md docs/{deepfake,families}/*.md docs/figures/*.{svg,png} \
  docs/site/site.css build/pages
mkdocs build --strict --config-file docs/site/mkdocs.yml > build/pages.log 2>&1 ||
  { cat build/pages.log >&2; exit 1; }
echo "build/site/index.html"
