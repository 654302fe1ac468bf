/* A fresh store for each test, and short ways to say what must hold. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
	char *folder; /* of the test's own */
	char *target; /* what store_open() takes */
	struct store *store;
};

/*
 * The store is opened at PLANTON_TEST_STORE with each % replaced by a name unique to the test, or
 * in the test's folder when that is not set: so the same tests run on any database.
 */
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_reopen(struct fixture *f);

#define STORE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

extern _Thread_local struct error *test_error;
#define ERR &test_error

/* The value of the call, which must not be negative; else its error is the test's failure. */
#define OK(call) check_ok((call), #call, __FILE__, __LINE__)
/* The call must fail with this code, and fill the error so. */
#define FAILS(code, call) check_fails((code), (call), #call, __FILE__, __LINE__)
int64_t check_ok(int64_t r, const char *call, const char *file, int line);
void check_fails(enum error_code code, int64_t r, const char *call, const char *file, int line);

/* Transactions that a failed check leaves open do not hide its message behind an assertion. */
struct store_tx *begin_read(struct fixture *f);
struct store_tx *begin_write(struct fixture *f);
void commit(struct store_tx *tx);
void commit_fails(enum error_code code, struct store_tx *tx);
void rollback(struct store_tx *tx);

#define SAME_TEXT(a, b, member)	  check_text((a).member, (b).member, #member, __FILE__, __LINE__)
#define SAME_NUMBER(a, b, member) assert_true((a).member == (b).member)
void check_text(const char *a, const char *b, const char *member, const char *file, int line);

/* A job with nothing but what it must have; borrowed strings, so never released. */
struct job_row plain_job(const char *id, const char *state_id, enum status status);
/* Inserts one, and returns its number. */
int64_t insert_job(struct store_tx *tx, const char *id, const char *state_id, enum status status);

#define RELEASE_ALL(rows, n, release)            \
	do {                                     \
		for (int i_ = 0; i_ < (n); i_++) \
			release(&(rows)[i_]);    \
		free(rows);                      \
	} while (0)
