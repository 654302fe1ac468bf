#include "testing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fileutil.h"
#include "base/seal.h"

static void sealed_opens_only_unchanged_in_context(void **state)
{
	(void)state;
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	_cleanup_strbuf_secret_ struct strbuf opened = STRBUF_INIT;
	assert_int_equal(master_key_generate(&key), 0);
	assert_int_equal(master_key_seal(key, "a:1", "secret", 6, &sealed), 0);
	assert_int_equal(sealed.size, 6 + SEAL_OVERHEAD);
	assert_null(memmem(sealed.data, sealed.size, "secret", 6));

	strbuf_addstr(&opened, ">");
	assert_int_equal(master_key_unseal(key, "a:1", sealed.data, sealed.size, &opened), 0);
	assert_string_equal(opened.data, ">secret");
	assert_int_equal(master_key_unseal(key, "a:2", sealed.data, sealed.size, &opened),
			 -EBADMSG);
	for (size_t size = 0; size < sealed.size; size++)
		assert_true(master_key_unseal(key, "a:1", sealed.data, size, &opened) < 0);
	for (size_t i = 0; i < sealed.size; i++) {
		sealed.data[i] ^= 1;
		assert_true(master_key_unseal(key, "a:1", sealed.data, sealed.size, &opened) < 0);
		sealed.data[i] ^= 1;
	}
	assert_string_equal(opened.data, ">secret");
}

static void sealing_twice_differs(void **state)
{
	(void)state;
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_strbuf_ struct strbuf first = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf second = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf opened = STRBUF_INIT;
	assert_int_equal(master_key_generate(&key), 0);
	assert_int_equal(master_key_seal(key, "c", "", 0, &first), 0);
	assert_int_equal(master_key_seal(key, "c", "", 0, &second), 0);
	assert_int_equal(first.size, SEAL_OVERHEAD);
	assert_memory_not_equal(first.data, second.data, first.size);
	assert_int_equal(master_key_unseal(key, "c", first.data, first.size, &opened), 0);
	assert_int_equal(opened.size, 0);
}

static void another_key_is_named_as_such(void **state)
{
	(void)state;
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_master_key_ struct master_key *other = NULL;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf opened = STRBUF_INIT;
	assert_int_equal(master_key_generate(&key), 0);
	assert_int_equal(master_key_generate(&other), 0);
	assert_int_equal(master_key_seal(key, "c", "x", 1, &sealed), 0);
	assert_int_equal(master_key_unseal(other, "c", sealed.data, sealed.size, &opened), -ENOKEY);
}

static void key_files(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "master.key", NULL);
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_master_key_ struct master_key *loaded = NULL;
	char id[MASTER_KEY_ID_SIZE];
	char loaded_id[MASTER_KEY_ID_SIZE];
	assert_int_equal(master_key_generate(&key), 0);
	assert_int_equal(master_key_save(key, path), 0);
	assert_int_equal(master_key_save(key, path), -EEXIST);
	assert_int_equal(master_key_load(path, &loaded), 0);
	master_key_id(key, id);
	master_key_id(loaded, loaded_id);
	assert_string_equal(id, loaded_id);

	struct master_key *refused = NULL;
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(master_key_load(path, &refused), -EPERM);
	assert_int_equal(write_file_atomic(path, "short", 5, 0600), 0);
	assert_int_equal(master_key_load(path, &refused), -EINVAL);
	assert_int_equal(master_key_parse("zz", &refused), -EINVAL);
	assert_null(refused);
}

static void the_format_is_stable(void **state)
{
	(void)state;
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	uint8_t raw[MASTER_KEY_SIZE];
	for (uint8_t i = 0; i < sizeof(raw); i++)
		raw[i] = i;
	assert_int_equal(master_key_new(raw, &key), 0);
	char id[MASTER_KEY_ID_SIZE];
	master_key_id(key, id);
	assert_string_equal(id, "19686121a071e366");
	assert_int_equal(master_key_seal(key, "c", "x", 1, &sealed), 0);
	assert_int_equal(sealed.data[0], 1);
}

static void boxes(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "runner.key", NULL);
	_cleanup_key_pair_ struct key_pair pair;
	_cleanup_key_pair_ struct key_pair loaded;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf opened = STRBUF_INIT;
	assert_int_equal(key_pair_generate(&pair), 0);
	assert_int_equal(key_pair_save(&pair, path), 0);
	assert_int_equal(key_pair_load(path, &loaded), 0);
	assert_memory_equal(&pair, &loaded, sizeof(pair));

	assert_int_equal(box_seal(pair.public_key, "credentials", 11, &sealed), 0);
	assert_int_equal(sealed.size, 11 + BOX_OVERHEAD);
	assert_int_equal(box_open(&loaded, sealed.data, sealed.size, &opened), 0);
	assert_string_equal(opened.data, "credentials");
	sealed.data[sealed.size - 1] ^= 1;
	assert_int_equal(box_open(&loaded, sealed.data, sealed.size, &opened), -EBADMSG);
	assert_int_equal(box_open(&loaded, sealed.data, 10, &opened), -EBADMSG);
	assert_int_equal(opened.size, 11);
}

static void tokens(void **state)
{
	(void)state;
	char first[TOKEN_SIZE];
	char second[TOKEN_SIZE];
	token_new(first);
	token_new(second);
	assert_int_equal(strlen(first), TOKEN_SIZE - 1);
	assert_memory_equal(first, "pt_", 3);
	assert_int_equal(strspn(first + 3, "abcdefghijklmnopqrstuvwxyz234567"), 52);
	assert_false(secure_streq(first, second));
	assert_true(secure_streq(first, first));
	assert_false(secure_streq("a", "ab"));
	assert_false(secure_equal("ab", "ac", 2));
	secure_wipe(first, sizeof(first));
	assert_int_equal(first[0] | first[TOKEN_SIZE - 2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_opens_only_unchanged_in_context),
		cmocka_unit_test(sealing_twice_differs),
		cmocka_unit_test(another_key_is_named_as_such),
		cmocka_unit_test(key_files),
		cmocka_unit_test(the_format_is_stable),
		cmocka_unit_test(boxes),
		cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
