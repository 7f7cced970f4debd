#!/bin/sh
# Makes static/vendor/preact.js anew from the packages that package-lock.json pins, with their licences, and notes what
# it was made of. `make vendor` runs it; nothing else does.
set -eu
cd "$(dirname "$0")"
out=../../static/vendor

npm ci --ignore-scripts --no-audit --no-fund --silent
version() { node -p "require('./node_modules/$1/package.json').version"; }
./node_modules/.bin/esbuild preact.js --bundle --minify --format=esm --target=es2022 --legal-comments=none \
	--banner:js="// Preact $(version preact) and htm $(version htm) in one file: see vendor.txt." --outfile="$out/preact.js" --log-level=warning
cp node_modules/preact/LICENSE "$out/LICENSE.preact"
cp node_modules/htm/LICENSE "$out/LICENSE.htm"
{
	echo 'preact.js is made by `make vendor` of these packages of the npm registry, and by nothing else:'
	echo
	for package in preact htm; do
		node -p "const {version, integrity} = require('./package-lock.json').packages['node_modules/$package'];
			\`$package \${version} (\${require('./node_modules/$package/package.json').license}, LICENSE.$package) \${integrity}\`"
	done
	echo
	echo "bundled by esbuild $(version esbuild). SHA-256:"
	(cd "$out" && sha256sum preact.js LICENSE.preact LICENSE.htm)
} >"$out/vendor.txt"
