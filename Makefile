# Everything starts here; `make` alone lists the targets.

# The tests' ready-made MariaDB data directory, see src/mariadb.rs.
export PRIVATE_MARIADB_TEMPLATES ?= $(CURDIR)/target/mariadb
# Where rustup puts cargo, in case the login shell does not know yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

heading = @printf '\n== %s\n'

.DEFAULT_GOAL := help
.PHONY: help demo clean-demo test differential audit bench screenshots fmt

help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS='	' read -r target text; do \
		printf 'make %-12s %s\n' "$$target" "$$text"; done

demo: ## Run the panel with sample data in ./demo-data; sets up what is missing
	@scripts/setup demo
	cargo build --release --locked
	@exec target/release/postwarden demo

clean-demo: ## Remove the demo's data
	rm -rf demo-data

test: ## Check format and lints, run every test; sets up what is missing
	@scripts/setup test
	$(heading) "Format"
	@cargo fmt --check
	$(heading) "Lints"
	@cargo clippy --all-targets --locked -- -D warnings
	$(heading) "Tests"
	@cargo test --locked
	$(heading) "Mail through a private Postfix"
	@if [ "$$(id -u)" -ne 0 ]; then \
		echo 'SKIPPED: these tests need root, for namespaces of their own and ports 25 and 53 on loopback.'; \
		printf '\nChecks and tests passed, but the mail tests were SKIPPED: they need root.\n'; \
	else \
		cargo test --locked --test postfix -- --ignored && printf '\nAll checks and tests passed.\n'; \
	fi

differential: ## Compare the route explainer with a real Postfix on 100,000 random mails; needs root
	@scripts/setup test
	POSTWARDEN_DIFFERENTIAL=5000 cargo test --locked --test postfix -- --ignored --nocapture the_model_says

audit: ## Look for known holes, licences and sources of the crates; needs cargo-deny and the network
	@scripts/audit

bench: ## Measure the release binary
	@scripts/setup test
	cargo test --release --locked --test bench -- --ignored --nocapture

screenshots: ## Take the pictures of README again
	@scripts/setup test
	cargo test --locked --test screenshots -- --ignored

fmt: ## Format the code
	cargo fmt
