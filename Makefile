# Everything a newcomer needs: `make demo`, `make test`. Neither needs Docker, a running database or
# any setting; a missing Postgres server is installed by the system's package manager.

# The database of whoever works here is never the one of a test or a demo.
unexport DATABASE_URL

.PHONY: demo test prove bench fuzz check lint queries deny prepare

# A small marketplace from end to end, with a crash in the middle. Ends by itself.
demo:
	cargo build --quiet --features test-clock --bin mirakl-stripe
	cargo build --quiet -p simulator --bin demo
	tests/with-postgres target/debug/demo --program target/debug/mirakl-stripe

# Every test: rules, properties, queries, and the built binary against Postgres and the simulator. Four at a
# time on however few cores: they wait for back-offs more than they compute.
test:
	tests/with-postgres cargo test --workspace --features test-clock -- --test-threads 4

# The promises, shown: seed after seed of a marketplace in bad weather, judged from outside. MINUTES=n goes on
# for so long; SEED=n tells one seed again, with CONCURRENCY=1 call for call.
prove:
	cargo build --quiet --features test-clock --bin mirakl-stripe
	cargo build --quiet -p simulator --bin prove
	tests/with-postgres target/debug/prove --program target/debug/mirakl-stripe \
		$(if $(SEED),--seed $(SEED) --trace,--seeds $(or $(SEEDS),4) --minutes $(or $(MINUTES),0)) \
		$(if $(CONCURRENCY),--concurrency $(CONCURRENCY))

# Calls, statements, memory, CPU and wall time of the built binary, job by job; the README shows what it
# printed. One part, or another form: make bench BENCH='--only refunds --items 1000 --markdown'
bench:
	cargo build --release --quiet --bin mirakl-stripe
	cargo build --release --quiet -p simulator --bin bench
	POSTGRES_PRELOAD=pg_stat_statements tests/with-postgres \
		target/release/bench --program target/release/mirakl-stripe $(BENCH)

# Every decoder of what comes from outside, ten minutes each (FUZZ_SECONDS), one after another (FUZZ_JOBS). Fails
# when one of them finds something. Needs a C++ compiler.
fuzz:
	tests/fuzz/run

# What .ci/run checks besides the tests.
check: lint queries deny

lint:
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features test-clock -- -D warnings

# The stored descriptions of all queries are those of the migrations as they are now.
queries:
	tests/with-postgres tests/queries --check

# Writes .sqlx anew, after a query or a migration has changed.
prepare:
	tests/with-postgres tests/queries

deny:
	tests/deny
