/* A fresh store for each test, and short ways to say what must hold. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "base/tree.h"

_Thread_local struct error *test_error;
static atomic_int transactions_open;

int64_t check_ok(int64_t r, const char *call, const char *file, int line)
{
	if (r >= 0)
		return r;
	char *description = test_error ? error_describe(test_error) : NULL;
	print_error("%s:%d: %s: %s\n", file, line, call, description ?: "failed without an error");
	free(description);
	_fail(file, line);
	return r;
}

void check_fails(enum error_code code, int64_t r, const char *call, const char *file, int line)
{
	enum error_code got = r < 0 && test_error ? test_error->code : 0;
	bool as_expected = r == -(int)code && got == code;
	if (r < 0) {
		error_free(test_error);
		test_error = NULL;
	}
	if (as_expected)
		return;
	print_error("%s:%d: %s: %lld (%s) instead of %s\n", file, line, call, (long long)r,
		    error_code_string(got), error_code_string(code));
	_fail(file, line);
}

void check_text(const char *a, const char *b, const char *member, const char *file, int line)
{
	if (streq_null(a, b))
		return;
	print_error("%s:%d: %s: \"%s\" is not \"%s\"\n", file, line, member, a ?: "(null)",
		    b ?: "(null)");
	_fail(file, line);
}

static char *fresh_target(const char *folder)
{
	const char *pattern = getenv("PLANTON_TEST_STORE");
	struct strbuf target = STRBUF_INIT;

	if (!pattern)
		return xasprintf("%s/store.db", folder);
	for (; *pattern; pattern++)
		if (*pattern == '%')
			strbuf_addstr(&target, strrchr(folder, '/') + 1);
		else
			strbuf_addch(&target, *pattern);
	return strbuf_detach(&target, NULL);
}

int fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->folder = xasprintf("%s/planton_store_XXXXXX", getenv("TMPDIR") ?: "/tmp");
	assert_non_null(mkdtemp(f->folder));
	f->target = fresh_target(f->folder);
	OK(store_open(f->target, &f->store, ERR));
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	if (atomic_exchange(&transactions_open, 0) == 0)
		store_close(f->store);
	int r = rm_rf(f->folder);
	free(f->folder);
	free(f->target);
	free(f);
	return r;
}

void fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	OK(store_open(f->target, &f->store, ERR));
}

struct store_tx *begin_read(struct fixture *f)
{
	struct store_tx *tx = NULL;
	OK(store_begin(f->store, STORE_READ, &tx, ERR));
	transactions_open++;
	return tx;
}

struct store_tx *begin_write(struct fixture *f)
{
	struct store_tx *tx = NULL;
	OK(store_begin(f->store, STORE_WRITE, &tx, ERR));
	transactions_open++;
	return tx;
}

void commit(struct store_tx *tx)
{
	transactions_open--;
	OK(store_commit(tx, ERR));
}

void commit_fails(enum error_code code, struct store_tx *tx)
{
	transactions_open--;
	FAILS(code, store_commit(tx, ERR));
}

void rollback(struct store_tx *tx)
{
	transactions_open--;
	store_rollback(tx);
}

struct job_row plain_job(const char *id, const char *state_id, enum status status)
{
	return (struct job_row){
		.id = (char *)id,
		.state_id = (char *)state_id,
		.resource_id = (char *)state_id,
		.operation = JOB_UPDATE,
		.status = status,
		.result = status == STATUS_COMPLETED ? RESULT_SUCCEEDED : RESULT_TBD,
	};
}

int64_t insert_job(struct store_tx *tx, const char *id, const char *state_id, enum status status)
{
	struct job_row job = plain_job(id, state_id, status);
	OK(job_insert(tx, &job, ERR));
	return job.number;
}
