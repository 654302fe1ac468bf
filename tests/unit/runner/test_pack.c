#include "testing.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/tree.h"
#include "runner/pack.h"
#include "runner/pack_seal.h"

static const uint8_t key[PACK_KEY_SIZE] = {1, 2, 3};

static void sealing(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *data = xmalloc(sizes[i] + 1);
		memset(data, 'd', sizes[i]);
		_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT, clear = STRBUF_INIT;
		pack_seal(key, data, sizes[i], &sealed);
		assert_int_equal(pack_unseal(key, sealed.data, sealed.size, &clear, NULL), 0);
		assert_int_equal(clear.size, sizes[i]);
		assert_memory_equal(clear.data, data, sizes[i]);
		free(data);
	}
}

static void what_was_tampered_with(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	char data[70000] = "x";
	pack_seal(key, data, sizeof(data), &sealed);
	for (size_t size = 0; size < sealed.size; size += 997) {
		_cleanup_strbuf_ struct strbuf clear = STRBUF_INIT;
		assert_true(pack_unseal(key, sealed.data, size, &clear, NULL) < 0);
	}
	for (size_t at = 0; at < sealed.size; at += 499) {
		_cleanup_strbuf_ struct strbuf clear = STRBUF_INIT;
		sealed.data[at] ^= 1;
		assert_true(pack_unseal(key, sealed.data, sealed.size, &clear, NULL) < 0);
		sealed.data[at] ^= 1;
	}
	_cleanup_strbuf_ struct strbuf clear = STRBUF_INIT;
	static const uint8_t wrong[PACK_KEY_SIZE] = {9};
	assert_true(pack_unseal(wrong, sealed.data, sealed.size, &clear, NULL) < 0);
	strbuf_addch(&sealed, 'x');
	assert_true(pack_unseal(key, sealed.data, sealed.size, &clear, NULL) < 0);
}

struct entry {
	const char *name, *link, *content;
	mode_t type;
};

static void archive_of(const struct entry *entries, size_t count, struct strbuf *out)
{
	struct archive *archive = archive_write_new();
	size_t used;
	archive_write_set_format_ustar(archive);
	strbuf_grow(out, 1 << 20);
	assert_int_equal(archive_write_open_memory(archive, out->data, 1 << 20, &used), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = archive_entry_new();
		size_t size = entries[i].content ? strlen(entries[i].content) : 0;
		archive_entry_set_pathname(entry, entries[i].name);
		archive_entry_set_filetype(entry, entries[i].type);
		archive_entry_set_perm(entry, 04777);
		archive_entry_set_size(entry, (la_int64_t)size);
		if (entries[i].type == AE_IFLNK)
			archive_entry_set_symlink(entry, entries[i].link);
		else if (entries[i].link)
			archive_entry_set_hardlink(entry, entries[i].link);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		if (size)
			archive_write_data(archive, entries[i].content, size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	strbuf_set_size(out, used);
}

static char folder[] = "/tmp/planton-test-pack-XXXXXX";

static int extract(const struct entry *entries, size_t count, uint64_t max, struct error **err)
{
	_cleanup_strbuf_ struct strbuf archive = STRBUF_INIT;
	_cleanup_free_ char *target = path_join(folder, "out", NULL);
	rm_rf(target);
	archive_of(entries, count, &archive);
	return pack_extract(archive.data, archive.size, target, max, err);
}

static void unpacking(void **state)
{
	(void)state;
	const struct entry entries[] = {
		{"./", NULL, NULL, AE_IFDIR},
		{"./main.tf", NULL, "content", AE_IFREG},
		{"sub/", NULL, NULL, AE_IFDIR},
		{"sub/x.tf", NULL, "more", AE_IFREG},
		{"link.tf", "sub/x.tf", NULL, AE_IFLNK},
	};
	assert_int_equal(extract(entries, ARRAY_SIZE(entries), 1000, NULL), 0);
	_cleanup_free_ char *path = path_join(folder, "out/link.tf", NULL), *text = NULL;
	assert_int_equal(read_file(path, 100, &text, NULL), 0);
	assert_string_equal(text, "more");
	struct stat st;
	_cleanup_free_ char *file = path_join(folder, "out/main.tf", NULL);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07022, 0);
}

static void hostile_archives(void **state)
{
	(void)state;
	static const struct entry hostile[][2] = {
		{{"../escape", NULL, "x", AE_IFREG}, {"ok", NULL, "x", AE_IFREG}},
		{{"/tmp/planton-absolute", NULL, "x", AE_IFREG}, {"ok", NULL, "x", AE_IFREG}},
		{{"a/../../escape", NULL, "x", AE_IFREG}, {"ok", NULL, "x", AE_IFREG}},
		{{"out", "/tmp", NULL, AE_IFLNK},
		 {"out/planton-through-link", NULL, "x", AE_IFREG}},
		{{"fifo", NULL, NULL, AE_IFIFO}, {"ok", NULL, "x", AE_IFREG}},
		{{"ok", NULL, "x", AE_IFREG}, {"hard", "/etc/passwd", NULL, AE_IFREG}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_error_ struct error *error = NULL;
		int r = extract(hostile[i], 2, 1000, &error);
		if (i == 3 && r == 0) {
			/* The link gave way to a folder: nothing went through it. */
			assert_int_not_equal(access("/tmp/planton-through-link", F_OK), 0);
			continue;
		}
		assert_true(r < 0);
	}
	assert_int_not_equal(access("/tmp/planton-absolute", F_OK), 0);
	assert_int_not_equal(access("/tmp/planton-through-link", F_OK), 0);
	_cleanup_free_ char *escape = path_join(folder, "escape", NULL);
	assert_int_not_equal(access(escape, F_OK), 0);

	const struct entry big[] = {{"big", NULL, "0123456789", AE_IFREG}};
	_cleanup_error_ struct error *error = NULL;
	assert_true(extract(big, 1, 9, &error) < 0);
	assert_int_equal(error->code, ERROR_TOO_LARGE);
	assert_true(pack_extract("garbage", 7, folder, 100, NULL) < 0);
}

static void packing(void **state)
{
	(void)state;
	_cleanup_free_ char *source = path_join(folder, "source", NULL);
	_cleanup_free_ char *target = path_join(folder, "target", NULL);
	_cleanup_free_ char *providers = path_join(source, ".terraform/providers/x", NULL);
	_cleanup_free_ char *modules = path_join(source, ".terraform/modules/m", NULL);
	_cleanup_free_ char *file = path_join(modules, "main.tf", NULL);
	_cleanup_free_ char *link = path_join(source, "link", NULL);
	_cleanup_free_ char *fifo = path_join(source, "fifo", NULL);
	_cleanup_free_ char *whole = path_join(folder, "source-link", NULL);
	assert_int_equal(mkdir_p(providers, 0700), 0);
	assert_int_equal(mkdir_p(modules, 0700), 0);
	assert_int_equal(write_file_atomic(file, "content", 7, 0640), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink(source, whole), 0);

	_cleanup_strbuf_ struct strbuf packed = STRBUF_INIT, nothing = STRBUF_INIT;
	assert_int_equal(pack_folder(source, &packed, NULL), 0);
	assert_int_equal(pack_extract(packed.data, packed.size, target, 1000, NULL), 0);
	_cleanup_free_ char *copy = path_join(target, ".terraform/modules/m/main.tf", NULL);
	_cleanup_free_ char *link_copy = path_join(target, "link", NULL);
	_cleanup_free_ char *fifo_copy = path_join(target, "fifo", NULL);
	_cleanup_free_ char *left_out = path_join(target, ".terraform/providers", NULL);
	_cleanup_free_ char *text = NULL;
	char destination[64] = "";
	struct stat st;
	assert_int_equal(read_file(copy, 100, &text, NULL), 0);
	assert_string_equal(text, "content");
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(readlink(link_copy, destination, sizeof(destination) - 1) > 0);
	assert_string_equal(destination, "/etc/passwd");
	assert_int_not_equal(lstat(fifo_copy, &st), 0);
	assert_int_not_equal(lstat(left_out, &st), 0);

	assert_true(pack_folder(whole, &nothing, NULL) < 0);
	assert_int_equal(nothing.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealing),   cmocka_unit_test(what_was_tampered_with),
		cmocka_unit_test(unpacking), cmocka_unit_test(hostile_archives),
		cmocka_unit_test(packing),
	};
	if (!mkdtemp(folder))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(folder);
	return r;
}
