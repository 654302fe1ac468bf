#include "testing.h"

#include <errno.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fdutil.h"

#define BLAKE2B_ABC "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
#define SHA256_ABC  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MD5_ABC	    "900150983cd24fb0d6963f7d28e17f72"

static void known_answers(void **state)
{
	(void)state;
	char hex[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_BLAKE2B, "abc", 3, hex);
	assert_string_equal(hex, BLAKE2B_ABC);
	digest_hex(DIGEST_SHA256, "abc", 3, hex);
	assert_string_equal(hex, SHA256_ABC);
	digest_hex(DIGEST_MD5, "abc", 3, hex);
	assert_string_equal(hex, MD5_ABC);
}

static void streaming_equals_one_go(void **state)
{
	(void)state;
	char hex[DIGEST_HEX_SIZE];
	_cleanup_digest_ struct digest *digest = digest_new(DIGEST_BLAKE2B);
	digest_update(digest, "a", 1);
	digest_update(digest, "", 0);
	digest_update(digest, "bc", 2);
	digest_final_hex(digest, hex);
	assert_string_equal(hex, BLAKE2B_ABC);
}

static void descriptors(void **state)
{
	(void)state;
	char hex[DIGEST_HEX_SIZE];
	_cleanup_close_ int fd = memfd_with_content("digest", "abc", 3);
	assert_true(fd >= 0);
	assert_int_equal(digest_fd_hex(DIGEST_SHA256, fd, hex), 0);
	assert_string_equal(hex, SHA256_ABC);
	assert_int_equal(digest_fd_hex(DIGEST_SHA256, -1, hex), -EBADF);
}

static void content_md5(void **state)
{
	(void)state;
	assert_int_equal(md5_base64_verify("abc", 3, "kAFQmDzST7DWlj99KOF/cg=="), 0);
	assert_int_equal(md5_base64_verify("abd", 3, "kAFQmDzST7DWlj99KOF/cg=="), -EBADMSG);
	assert_int_equal(md5_base64_verify("abc", 3, "kAFQmDzST7A="), -EINVAL);
	assert_int_equal(md5_base64_verify("abc", 3, "no base64"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(streaming_equals_one_go),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(content_md5),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
