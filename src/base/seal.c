/* Envelopes, boxes, keys and tokens over libsodium; the format is in the header. */
#include "base/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/fdutil.h"
#include "base/fileutil.h"

#define VERSION	      1
#define KEY_ID_BYTES  8
#define NONCE_BYTES   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES     crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY_FILE_SIZE (MASTER_KEY_SIZE * 2 + 2)

/* What a sealed secret starts with; the content's ciphertext follows. */
struct header {
	uint8_t version;
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t key_nonce[NONCE_BYTES];
	uint8_t sealed_key[MASTER_KEY_SIZE + TAG_BYTES];
	uint8_t nonce[NONCE_BYTES];
};

_Static_assert(sizeof(struct header) + TAG_BYTES == SEAL_OVERHEAD, "the format has no padding");
_Static_assert(crypto_box_SEALBYTES == BOX_OVERHEAD, "as documented");
_Static_assert(crypto_box_SECRETKEYBYTES == MASTER_KEY_SIZE, "both key files are alike");

struct master_key {
	uint8_t key[MASTER_KEY_SIZE];
	uint8_t id[KEY_ID_BYTES];
};

static void ready(void)
{
	if (sodium_init() < 0)
		abort();
}

int master_key_new(const uint8_t raw[MASTER_KEY_SIZE], struct master_key **ret)
{
	static const unsigned char purpose[] = "planton master key id";
	uint8_t id[crypto_generichash_BYTES];

	ready();
	struct master_key *key = sodium_malloc(sizeof(*key));
	if (!key)
		return -ENOMEM;
	memcpy(key->key, raw, MASTER_KEY_SIZE);
	crypto_generichash(id, sizeof(id), purpose, sizeof(purpose) - 1, raw, MASTER_KEY_SIZE);
	memcpy(key->id, id, KEY_ID_BYTES);
	sodium_mprotect_readonly(key);
	*ret = key;
	return 0;
}

int master_key_generate(struct master_key **ret)
{
	uint8_t raw[MASTER_KEY_SIZE];
	random_bytes(raw, sizeof(raw));
	int r = master_key_new(raw, ret);
	secure_wipe(raw, sizeof(raw));
	return r;
}

void master_key_free(struct master_key *key)
{
	sodium_free(key);
}

void master_key_id(const struct master_key *key, char ret[MASTER_KEY_ID_SIZE])
{
	hex_encode(key->id, KEY_ID_BYTES, ret);
}

static int parse_key(const char *text, uint8_t ret[MASTER_KEY_SIZE])
{
	size_t length = strlen(text);
	if (length > 0 && text[length - 1] == '\n')
		length--;
	char digits[KEY_FILE_SIZE];
	if (length != MASTER_KEY_SIZE * 2)
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	int r = hex_decode(digits, ret, MASTER_KEY_SIZE);
	secure_wipe(digits, sizeof(digits));
	return r;
}

static int load_key(const char *path, uint8_t ret[MASTER_KEY_SIZE])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_mode & 077)
		return -EPERM;
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	int r = read_fd(fd, KEY_FILE_SIZE, &text);
	if (r < 0)
		return r == -EFBIG ? -EINVAL : r;
	return parse_key(text.data, ret);
}

static int save_key(const uint8_t raw[MASTER_KEY_SIZE], const char *path)
{
	char text[KEY_FILE_SIZE];
	hex_encode(raw, MASTER_KEY_SIZE, text);
	memcpy(text + MASTER_KEY_SIZE * 2, "\n", 2);
	int r = write_file_exclusive(path, text, sizeof(text) - 1, 0600);
	secure_wipe(text, sizeof(text));
	return r;
}

int master_key_parse(const char *text, struct master_key **ret)
{
	uint8_t raw[MASTER_KEY_SIZE];
	int r = parse_key(text, raw);
	if (r == 0)
		r = master_key_new(raw, ret);
	secure_wipe(raw, sizeof(raw));
	return r;
}

int master_key_load(const char *path, struct master_key **ret)
{
	uint8_t raw[MASTER_KEY_SIZE];
	int r = load_key(path, raw);
	if (r == 0)
		r = master_key_new(raw, ret);
	secure_wipe(raw, sizeof(raw));
	return r;
}

int master_key_save(const struct master_key *key, const char *path)
{
	return save_key(key->key, path);
}

static void associated_data(struct strbuf *buffer, const struct master_key *key,
			    const char *context)
{
	strbuf_addch(buffer, VERSION);
	strbuf_add(buffer, key->id, KEY_ID_BYTES);
	strbuf_addstr(buffer, context);
}

int master_key_seal(const struct master_key *key, const char *context, const void *data,
		    size_t size, struct strbuf *buffer)
{
	_cleanup_strbuf_ struct strbuf bound = STRBUF_INIT;
	associated_data(&bound, key, context);

	struct header header = {.version = VERSION};
	memcpy(header.key_id, key->id, KEY_ID_BYTES);
	random_bytes(header.key_nonce, NONCE_BYTES);
	random_bytes(header.nonce, NONCE_BYTES);

	uint8_t data_key[MASTER_KEY_SIZE];
	random_bytes(data_key, sizeof(data_key));
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		header.sealed_key, NULL, data_key, sizeof(data_key),
		(const unsigned char *)bound.data, bound.size, NULL, header.key_nonce, key->key);

	if (size > SIZE_MAX / 4) {
		secure_wipe(data_key, sizeof(data_key));
		return -EFBIG;
	}
	strbuf_grow(buffer, size + SEAL_OVERHEAD);
	strbuf_add(buffer, &header, sizeof(header));
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		(unsigned char *)buffer->data + buffer->size, NULL, data, size,
		(const unsigned char *)bound.data, bound.size, NULL, header.nonce, data_key);
	strbuf_set_size(buffer, buffer->size + size + TAG_BYTES);
	secure_wipe(data_key, sizeof(data_key));
	return 0;
}

int master_key_unseal(const struct master_key *key, const char *context, const void *data,
		      size_t size, struct strbuf *buffer)
{
	struct header header;
	if (size < SEAL_OVERHEAD)
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.version != VERSION)
		return -EBADMSG;
	if (memcmp(header.key_id, key->id, KEY_ID_BYTES) != 0)
		return -ENOKEY;

	ready();
	_cleanup_strbuf_ struct strbuf bound = STRBUF_INIT;
	associated_data(&bound, key, context);

	uint8_t data_key[MASTER_KEY_SIZE];
	int r = crypto_aead_xchacha20poly1305_ietf_decrypt(
		data_key, NULL, NULL, header.sealed_key, sizeof(header.sealed_key),
		(const unsigned char *)bound.data, bound.size, header.key_nonce, key->key);
	if (r == 0) {
		size_t sealed_size = size - sizeof(header);
		strbuf_grow(buffer, sealed_size - TAG_BYTES);
		r = crypto_aead_xchacha20poly1305_ietf_decrypt(
			(unsigned char *)buffer->data + buffer->size, NULL, NULL,
			(const unsigned char *)data + sizeof(header), sealed_size,
			(const unsigned char *)bound.data, bound.size, header.nonce, data_key);
		strbuf_set_size(buffer, buffer->size + (r == 0 ? sealed_size - TAG_BYTES : 0));
	}
	secure_wipe(data_key, sizeof(data_key));
	return r == 0 ? 0 : -EBADMSG;
}

int key_pair_generate(struct key_pair *ret)
{
	ready();
	return crypto_box_keypair(ret->public_key, ret->secret_key) == 0 ? 0 : -EIO;
}

int key_pair_load(const char *path, struct key_pair *ret)
{
	struct key_pair pair;
	int r = load_key(path, pair.secret_key);
	if (r == 0 && crypto_scalarmult_base(pair.public_key, pair.secret_key) != 0)
		r = -EINVAL;
	if (r == 0)
		*ret = pair;
	key_pair_wipe(&pair);
	return r;
}

int key_pair_save(const struct key_pair *pair, const char *path)
{
	return save_key(pair->secret_key, path);
}

void key_pair_wipe(struct key_pair *pair)
{
	secure_wipe(pair, sizeof(*pair));
}

int box_seal(const uint8_t public_key[BOX_KEY_SIZE], const void *data, size_t size,
	     struct strbuf *buffer)
{
	if (size > SIZE_MAX / 4)
		return -EFBIG;
	ready();
	strbuf_grow(buffer, size + BOX_OVERHEAD);
	if (crypto_box_seal((unsigned char *)buffer->data + buffer->size, data, size, public_key) !=
	    0)
		return -EINVAL;
	strbuf_set_size(buffer, buffer->size + size + BOX_OVERHEAD);
	return 0;
}

int box_open(const struct key_pair *pair, const void *data, size_t size, struct strbuf *buffer)
{
	if (size < BOX_OVERHEAD)
		return -EBADMSG;
	ready();
	strbuf_grow(buffer, size - BOX_OVERHEAD);
	int r = crypto_box_seal_open((unsigned char *)buffer->data + buffer->size, data, size,
				     pair->public_key, pair->secret_key);
	strbuf_set_size(buffer, buffer->size + (r == 0 ? size - BOX_OVERHEAD : 0));
	return r == 0 ? 0 : -EBADMSG;
}

void token_new(char ret[TOKEN_SIZE])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t random[32];
	random_bytes(random, sizeof(random));

	memcpy(ret, "pt_", 3);
	char *out = ret + 3;
	uint32_t bits = 0;
	int n_bits = 0;
	for (size_t i = 0; i < sizeof(random); i++) {
		bits = bits << 8 | random[i];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			*out++ = alphabet[bits >> (n_bits - 5) & 31];
	}
	*out++ = alphabet[bits << (5 - n_bits) & 31];
	*out = '\0';
	secure_wipe(random, sizeof(random));
}

void random_bytes(void *data, size_t size)
{
	ready();
	randombytes_buf(data, size);
}

bool secure_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

bool secure_streq(const char *a, const char *b)
{
	size_t length = strlen(a);
	return length == strlen(b) && secure_equal(a, b, length);
}

void secure_wipe(void *data, size_t size)
{
	sodium_memzero(data, size);
}
